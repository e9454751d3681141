"""LisGAN (Li et al., CVPR 2019), written plainly.

x is a real feature, a the semantics of its class y, x̃ = G(z, a) a synthesized feature, z noise, D the critic,
P the classifier of the seen classes. s_1^c to s_k^c are the soul samples of class c: the centres of its real
features, which K-means finds before the training (``LisGan.souls``; k is ``clusters``).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch
from gzslbench_methods.f_clswgan.plain import train as train  # the same loop
from gzslbench_methods.lisgan.method import LisGan
from gzslbench_methods.plain import criticise, generate, gradient_penalty


class PlainLisGan(LisGan):
    """The networks, soul samples, stages and synthesis of ``LisGan``, with the paper's losses written out."""

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log P(y | x), over real features."""
        return {"classifier": self.negative_log_likelihood(batch.features, batch.labels)}

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """E D(x̃, a) - E D(x, a) + λ E (‖∇ D(x̂, a)‖ - 1)²; λ is ``lambda_gp``."""
        x, a = batch.features, self.semantics[batch.labels]
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a).detach()
        mix = batch.uniform(len(batch), 1)
        return {
            "critic": criticise(self.critic, fake, a).mean() - criticise(self.critic, x, a).mean(),
            "penalty": self.params.lambda_gp * gradient_penalty(self.critic, x, fake, a, mix),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E D(x̃, a) + ``cls_weight`` L_CLS + ``sample_weight`` L_R1 + ``mean_weight`` L_R2.

        - L_CLS = -E log P(y | x̃)
        - L_R1 = 1/n Σ_i min_j ‖x̃_i - s_j^c‖², c being the class of x̃_i: over the n rows of the batch
        - L_R2 = 1/C Σ_c min_j ‖s̃^c - s_j^c‖², s̃^c being the mean of ``mean_of`` x̃ of class c: over all C
          seen classes
        """
        y, a, count = batch.labels, self.semantics[batch.labels], self.params.mean_of
        fake = generate(self.generator, batch.normal(len(batch), self.noise), a)
        noise = batch.normal(len(self.semantics) * count, self.noise)
        means = []
        for label, semantics in enumerate(self.semantics):
            z = noise[label * count : (label + 1) * count]
            means.append(generate(self.generator, z, semantics.expand(count, -1)).mean(0))
        return {
            "generator": -criticise(self.critic, fake, a).mean(),
            "fake_class": self.params.cls_weight * self.negative_log_likelihood(fake, y),
            "sample_soul": self.params.sample_weight * self.nearest_soul(fake, self.souls[y]),
            "mean_soul": self.params.mean_weight * self.nearest_soul(torch.stack(means), self.souls),
        }

    def nearest_soul(self, x: Tensor, souls: Tensor) -> Tensor:
        """E min_j ‖x - s_j‖², of ``(n, d)`` rows x and the ``(n, k, d)`` soul samples of their classes."""
        distances = [(x - souls[:, j]).square().sum(1) for j in range(self.params.clusters)]
        return torch.stack(distances, dim=1).min(dim=1).values.mean()

    def negative_log_likelihood(self, x: Tensor, y: Tensor) -> Tensor:
        """-E log P(y | x), with P the softmax of a linear layer."""
        return functional.nll_loss(torch.log_softmax(self.classifier(x), dim=1), y)
