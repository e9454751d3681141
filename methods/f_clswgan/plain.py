"""f-CLSWGAN (Xian et al., CVPR 2018), written plainly.

x is a real feature, x̃ = G(z, c) a synthesized one, c the semantics of its class y, z noise, D the critic,
P the classifier of the seen classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.f_clswgan.method import FClswgan
from gzslbench_methods.plain import Batches, criticise, generate, gradient_penalty, iterations, step


class PlainFClswgan(FClswgan):
    """The networks, stages and synthesis of ``FClswgan``, with the losses as the paper writes them."""

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log P(y | x; θ), over real features."""
        return {"classifier": self.negative_log_likelihood(batch.features, batch.labels)}

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-L_WGAN = E D(x̃, c) - E D(x, c) + λ E (‖∇ D(x̂, c)‖ - 1)²; λ is ``lambda_gp``."""
        x, c = batch.features, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), c).detach()
        mix = batch.uniform(len(batch), 1)
        return {
            "critic": criticise(self.critic, fake, c).mean() - criticise(self.critic, x, c).mean(),
            "penalty": self.params.lambda_gp * gradient_penalty(self.critic, x, fake, c, mix),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E D(x̃, c) + β L_CLS, with L_CLS = -E log P(y | x̃; θ); β is ``cls_weight``."""
        c = self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), c)
        return {
            "generator": -criticise(self.critic, fake, c).mean(),
            "fake_class": self.params.cls_weight * self.negative_log_likelihood(fake, batch.labels),
        }

    def negative_log_likelihood(self, features: Tensor, labels: Tensor) -> Tensor:
        """-E log P(y | x; θ), with P the softmax of a linear layer."""
        log_probabilities = torch.log_softmax(self.classifier(features), dim=1)
        return functional.nll_loss(log_probabilities, labels)


def train(method: PlainFClswgan, view: TrainView, batches: Batches) -> None:
    """Train the classifier, then play the game: ``critic_iter`` steps of the critic, one of the generator.

    The generator's step sees the last critic batch again, as in the published program, with fresh noise.
    """
    train_classifier(method, view, batches)
    play_game(method, view, batches, method.params.lr)


def train_classifier(method: FClswgan, view: TrainView, batches: Batches) -> None:
    """Train the classifier of the seen classes on real features."""
    p = method.params
    adam = torch.optim.Adam(method.classifier.parameters(), p.pretrain_lr, (p.beta1, 0.999))
    stream = batches("classifier")
    for _ in range(p.pretrain_epochs * iterations(view, p.pretrain_batch_size)):
        step(adam, method.classifier_loss(next(stream)))


def play_game(method: FClswgan, view: TrainView, batches: Batches, critic_lr: float) -> None:
    """Step the critic ``critic_iter`` times, then the generator once, in every iteration."""
    p, betas = method.params, (method.params.beta1, 0.999)
    critic = torch.optim.Adam(method.critic.parameters(), critic_lr, betas)
    generator = torch.optim.Adam(method.generator.parameters(), p.lr, betas)
    stream = batches("game")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        for _ in range(p.critic_iter):
            batch = next(stream)
            step(critic, method.critic_loss(batch))
        step(generator, method.generator_loss(batch))
