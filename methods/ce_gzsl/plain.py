"""CE-GZSL (Han et al., CVPR 2021), written plainly.

x is a real feature, a the semantics of its class y, x̃ = G(a, ε) a synthesized feature, ε noise, D the critic.
E embeds, h = E(x); H projects, z = H(h); F compares, F(h, a). C is the number of seen classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.ce_gzsl.method import CeGzsl
from gzslbench_methods.layers import SLOPE
from gzslbench_methods.plain import (
    Batches,
    criticise,
    generate,
    gradient_penalty,
    iterations,
    pair,
    step,
)


class PlainCeGzsl(CeGzsl):
    """The networks, stages and synthesis of ``CeGzsl``, with the losses as the paper writes them."""

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-L_WGAN + L_ins + L_cls, over real features: for D, E, H and F.

        -L_WGAN = E D(x̃, a) - E D(x, a) + λ E (‖∇ D(x̂, a)‖ - 1)²; λ is ``lambda_gp``.
        """
        x, y, a = batch.features, batch.labels, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a).detach()
        mix = batch.uniform(len(batch), 1)
        h = self.embedded(x)
        return {
            "critic": criticise(self.critic, fake, a).mean() - criticise(self.critic, x, a).mean(),
            "penalty": self.params.lambda_gp * gradient_penalty(self.critic, x, fake, a, mix),
            "instance": self.instance_contrast(self.projected(h), y),
            "class": self.class_contrast(h, y),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E D(x̃, a) + ``ins_weight`` L_ins + ``cls_weight`` L_cls: for G.

        L_ins is over the synthesized and the real features together, L_cls over the synthesized ones.
        """
        x, y, a = batch.features, batch.labels, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a)
        h = self.embedded(fake)
        z = torch.cat([self.projected(h), self.projected(self.embedded(x)).detach()])
        return {
            "generator": -criticise(self.critic, fake, a).mean(),
            "fake_instance": self.params.ins_weight * self.instance_contrast(z, torch.cat([y, y])),
            "fake_class": self.params.cls_weight * self.class_contrast(h, y),
        }

    def embedded(self, x: Tensor) -> Tensor:
        """E(x) = ReLU(W x + b)."""
        return functional.relu(self.embedding.to_hidden(x))

    def projected(self, h: Tensor) -> Tensor:
        """H(h) = (W h + b) / ‖W h + b‖."""
        return functional.normalize(self.embedding.to_projection(h), dim=1)

    def relevance(self, h: Tensor, a: Tensor) -> Tensor:
        """F(h, a) = w LeakyReLU(W [h; a] + b): ``(n, e)`` and ``(n, s)`` to ``(n,)`` scores."""
        units = pair(self.comparator.from_embedding, self.comparator.from_semantics, h, a)
        scores: Tensor = self.comparator.out(functional.leaky_relu(units, SLOPE))
        return scores.squeeze(1)

    def instance_contrast(self, z: Tensor, y: Tensor) -> Tensor:
        """L_ins = E_i 1/P_i Σ_p -log [exp(z_i z_p / τ_e) / Σ_k exp(z_i z_k / τ_e)]; τ_e is ``ins_temp``.

        p runs over the P_i other rows of the class of i, k over all rows other than i, as in the published
        program; i over the rows with P_i > 0. Without such a row the loss is 0; there the program divides
        0 by 0.
        """
        itself = torch.eye(len(y), dtype=torch.bool, device=y.device)
        positive = (y[:, None] == y[None, :]) & ~itself
        similarity = z @ z.t() / self.params.ins_temp
        others = similarity.masked_fill(itself, torch.finfo(z.dtype).min)
        negative_log = torch.logsumexp(others, dim=1, keepdim=True) - similarity
        count = positive.sum(1)
        by_row = (positive * negative_log).sum(1) / count.clamp(min=1)
        return by_row.sum() / (count > 0).sum().clamp(min=1)

    def class_contrast(self, h: Tensor, y: Tensor) -> Tensor:
        """L_cls = -E log [exp(F(h, a_y) / τ_s) / Σ_c exp(F(h, a_c) / τ_s)]; τ_s is ``cls_temp``.

        F is computed for the matrix of all B C pairs [h; a].
        """
        rows, classes = len(h), len(self.semantics)
        every_h = h[:, None, :].expand(rows, classes, -1).reshape(rows * classes, -1)
        every_a = self.semantics[None, :, :].expand(rows, classes, -1).reshape(rows * classes, -1)
        scores = self.relevance(every_h, every_a).view(rows, classes)
        return functional.nll_loss(torch.log_softmax(scores / self.params.cls_temp, dim=1), y)


def train(method: PlainCeGzsl, view: TrainView, batches: Batches) -> None:
    """Take ``critic_iter`` steps of D, E, H and F, then one of G.

    In the reference variant, as in the published program, F's gradients add up over an epoch and are zeroed
    at its end, and G's step sees the last critic batch again. In the clean variant F's gradients are zeroed
    before each step, and G gets its own batch. The learning rates fall after each ``lr_decay_epoch`` epochs.
    """
    p, betas, reference = method.params, (method.params.beta1, 0.999), method.params.variant == "reference"
    learners = [method.critic, method.embedding, method.comparator]
    critic = torch.optim.Adam([w for network in learners for w in network.parameters()], p.lr, betas)
    generator = torch.optim.Adam(method.generator.parameters(), p.lr, betas)
    kept = list(method.comparator.parameters()) if reference else []
    stream = batches("game")
    for epoch in range(p.epochs):
        for _ in range(iterations(view, p.batch_size)):
            for _ in range(p.critic_iter):
                batch = next(stream)
                step(critic, method.critic_loss(batch), kept)
            if not reference:
                batch = next(stream)
            step(generator, method.generator_loss(batch))
        method.comparator.zero_grad()
        if (epoch + 1) % p.lr_decay_epoch == 0:
            for group in critic.param_groups + generator.param_groups:
                group["lr"] *= p.lr_decay_rate
