"""FREE (Chen et al., ICCV 2021): f-VAEGAN-D2 with a feature refinement that is trained with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn import functional

from gzslbench.plugins import Batch, Stage, TrainView
from gzslbench_methods.f_vaegan_d2.method import FVaegan, with_updates
from gzslbench_methods.free import FreeParams
from gzslbench_methods.layers import SLOPE, linear, to_float32
from gzslbench_methods.tf_vaegan.method import semantic_loss
from gzslbench_methods.vaegan import Code


class Refinement(nn.Module):
    """FR(x): features -> hidden, LeakyReLU -> mean, and deviation by a sigmoid, of a latent as long as a."""

    def __init__(self, features: int, hidden: int, semantics: int) -> None:
        super().__init__()
        self.first = linear(features, hidden)
        self.out = linear(hidden, 2 * semantics)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, d)`` features to ``(B, a)`` means and deviations."""
        return self.latent(self.hidden(features))

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to the ``(B, m)`` hidden layer."""
        return functional.leaky_relu(self.first(features), SLOPE)

    def latent(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, m)`` hidden units to ``(B, a)`` means and deviations, in float32 at least."""
        mean, deviation = to_float32(self.out(hidden)).chunk(2, dim=1)
        return mean, torch.sigmoid(deviation)


def center_loss(
    latent: Tensor,
    centers: Tensor,
    labels: Tensor,
    margin: float,
    own_share: float,
    others: Tensor | None = None,
) -> Tensor:
    """Self-adaptive margin centre loss, mean over the rows (Chen et al. 2021, L_SAMC).

    A row's is max(0, margin + gamma |z - own|^2 - (1 - gamma) |z - other|^2).

    Args:
        latent: ``(B, a)``, z.
        centers: ``(C, a)``, C > 1.
        labels: ``(B,)`` rows of ``centers``.
        margin: At least 0.
        own_share: gamma, in [0, 1].
        others: ``(B,)`` rows of ``centers`` to keep away from; None for the nearest that is not the own.
    """
    latent = to_float32(latent)
    own = (latent - centers.index_select(0, labels)).square().sum(1)
    if others is None:
        distances = (latent.unsqueeze(1) - centers).square().sum(2)
        at_home = labels.unsqueeze(1) == torch.arange(len(centers), device=labels.device)
        other = distances.masked_fill(at_home, torch.inf).amin(1)
    else:
        other = (latent - centers.index_select(0, others)).square().sum(1)
    return (margin + own_share * own - (1 - own_share) * other).clamp(min=0).mean()


class _ZeroGradients(torch.autograd.Function):
    """A loss as it is, with a gradient of zero for parameters, which an optimizer needs to step them."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        return gradient, *map(torch.zeros_like, ctx.saved_tensors)


LOOPS = 2
"""How often an epoch goes through its iterations, as published."""


class Free(FVaegan):
    """The head is fitted on the features, the refinement's hidden layer and the semantics it expects."""

    params: FreeParams

    def __init__(self, view: TrainView, params: FreeParams) -> None:
        super().__init__(view, params)
        features, (classes, semantics) = view.features.shape[1], view.semantics.shape
        self.refinement = Refinement(features, params.ngh, semantics)
        self.centers = nn.Embedding(classes, semantics)
        self.modules.update({"refinement": self.refinement, "centers": self.centers})

    def stages(self) -> tuple[Stage]:
        """f-VAEGAN-D2's phases; the refinement learns in both, unless frozen, its centres in the critic's."""
        params = self.params
        (game,) = super().stages()
        critic, generator = game.phases
        refinement = self.adam(params.dec_lr)
        critic = with_updates(critic, refinement=refinement, centers=self.adam(params.lr))
        if params.variant == "reference":
            critic = replace(critic, keep_gradients=("centers",), kept_for="stage")
        if not params.freeze_dec or params.frozen_step:
            generator = with_updates(generator, refinement=refinement)
        return (replace(game, phases=(critic, generator), loops=LOOPS),)

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """f-VAEGAN-D2's terms, and of real features the refinement's semantic and centre losses."""
        params = self.params
        terms = super().critic_loss(batch)
        mean, deviation = self.refinement(batch.features)
        center = center_loss(
            mean,
            self.centers.weight,
            batch.labels,
            params.center_margin,
            params.incenter_weight,
            self._others(batch),
        )
        return {
            **terms,
            "semantics": self._lost_semantics(mean, deviation, batch),
            "center": params.center_weight * center,
        }

    def generator_terms(self, code: Code, logits: Tensor, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """f-VAEGAN-D2's terms, and the refinement's semantic loss of the fakes."""
        terms = super().generator_terms(code, logits, fake, batch)
        if not (self.params.freeze_dec and self.params.frozen_step):
            mean, deviation = self.refinement(fake)
            return {**terms, "fake_semantics": self._lost_semantics(mean, deviation, batch)}
        parameters = dict(self.refinement.named_parameters())
        frozen = {name: parameter.detach() for name, parameter in parameters.items()}
        mean, deviation = functional_call(self.refinement, frozen, (fake,))
        lost = self._lost_semantics(mean, deviation, batch)
        with_zeros: Tensor = _ZeroGradients.apply(lost, *parameters.values())  # type: ignore[no-untyped-call]
        return {**terms, "fake_semantics": with_zeros}

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to ``(n, d + ngh + a)``: features, hidden layer, semantics expected."""
        hidden = self.refinement.hidden(features)
        mean, _ = self.refinement.latent(hidden)
        return torch.cat([features, hidden, torch.sigmoid(mean)], dim=1)

    def _lost_semantics(self, mean: Tensor, deviation: Tensor, batch: Batch) -> Tensor:
        drawn = torch.sigmoid(mean + deviation * batch.normal(*mean.shape))
        return self.params.recons_weight * semantic_loss(drawn, self.semantics[batch.labels])

    def _others(self, batch: Batch) -> Tensor | None:
        """For each row a random class, its own as likely as another, as published; None for the nearest."""
        if self.params.other_center == "nearest":
            return None
        classes = len(self.semantics)
        steps = (batch.uniform(len(batch)) * classes).long()
        return (batch.labels + steps) % classes
