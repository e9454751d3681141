"""cycle-CLSWGAN (Felix et al., ECCV 2018), written plainly.

x is a real feature, a the semantics of its class y, x̃ = G(a, z) a synthesized feature, z noise, D the critic,
P the classifier of the seen classes, R the regressor from features back to semantics. As the README says, the
game is f-CLSWGAN's, not that of the published cycle-WGAN program.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.cycle_clswgan.method import CycleClswgan
from gzslbench_methods.f_clswgan.plain import play_game, train_classifier
from gzslbench_methods.plain import Batches, criticise, generate, gradient_penalty, iterations, step


class PlainCycleClswgan(CycleClswgan):
    """The networks, stages and synthesis of ``CycleClswgan``, with the losses as the paper writes them."""

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log P(y | x), over real features."""
        return {"classifier": self.negative_log_likelihood(batch.features, batch.labels)}

    def regressor_loss(self, batch: Batch) -> dict[str, Tensor]:
        """E ‖a - R(x)‖², over real features."""
        return {"regressor": self.way_back(batch.features, self.semantics[batch.labels])}

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-L_WGAN = E D(x̃, a) - E D(x, a) + λ E (‖∇ D(x̂, a)‖ - 1)²; λ is ``lambda_gp``."""
        x, a = batch.features, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a).detach()
        mix = batch.uniform(len(batch), 1)
        return {
            "critic": criticise(self.critic, fake, a).mean() - criticise(self.critic, x, a).mean(),
            "penalty": self.params.lambda_gp * gradient_penalty(self.critic, x, fake, a, mix),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E D(x̃, a) + ``cls_weight`` L_CLS + ``cycle_weight`` L_CYC.

        L_CLS = -E log P(y | x̃) and L_CYC = E ‖a - R(x̃)‖².
        """
        y, a = batch.labels, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a)
        return {
            "generator": -criticise(self.critic, fake, a).mean(),
            "fake_class": self.params.cls_weight * self.negative_log_likelihood(fake, y),
            "cycle": self.params.cycle_weight * self.way_back(fake, a),
        }

    def way_back(self, x: Tensor, a: Tensor) -> Tensor:
        """E ‖a - R(x)‖², with R a linear layer: the mean over the rows, the sum over the semantics."""
        lost: Tensor = a - self.regressor(x)
        return lost.square().sum(1).mean()

    def negative_log_likelihood(self, x: Tensor, y: Tensor) -> Tensor:
        """-E log P(y | x), with P the softmax of a linear layer."""
        return functional.nll_loss(torch.log_softmax(self.classifier(x), dim=1), y)


def train(method: PlainCycleClswgan, view: TrainView, batches: Batches) -> None:
    """Train the classifier, then the regressor, then play the game with both frozen.

    An iteration of the game is ``critic_iter`` steps of the critic and one of the generator, which sees the
    last critic batch again with fresh noise. The regressor's Adam has torch's own betas and may decay the
    weights (``regressor_decay``); critic and generator have their own learning rates.
    """
    p = method.params
    train_classifier(method, view, batches)

    regressor = torch.optim.Adam(
        method.regressor.parameters(), p.regressor_lr, (0.9, 0.999), weight_decay=p.regressor_decay
    )
    stream = batches("regressor")
    for _ in range(p.regressor_epochs * iterations(view, p.batch_size)):
        step(regressor, method.regressor_loss(next(stream)))

    play_game(method, view, batches, p.critic_lr)
