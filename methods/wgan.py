"""The conditional Wasserstein GAN with gradient penalty that the f-CLSWGAN family shares.

Layers that read a concatenation are written as a sum of one layer for each part, which is the same map. So
the part that reads the semantics is computed once for each class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from gzslbench.plugins import ClassNoise
from gzslbench_methods.layers import SLOPE, embed_per_class, linear, to_float32


class Generator(nn.Module):
    """G(z, a): [noise; semantics] -> hidden, LeakyReLU -> features, ReLU (Xian et al. 2018)."""

    def __init__(self, noise: int, semantics: int, hidden: int, features: int) -> None:
        super().__init__()
        self.from_noise = linear(noise, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, features)

    def forward(self, noise: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, nz)`` noise, ``(C, a)`` semantics and ``(B,)`` labels to ``(B, d)`` features >= 0."""
        hidden = self.from_noise(noise) + embed_per_class(self.from_semantics, semantics, labels)
        return functional.relu(self.out(functional.leaky_relu(hidden, SLOPE)))


class Critic(nn.Module):
    """D(x, a): [features; semantics] -> hidden, LeakyReLU -> score.

    The score has no bias: only differences of scores enter the losses.
    """

    def __init__(self, features: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.from_features = linear(features, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, 1, bias=False)

    def forward(self, features: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, d)`` features, ``(C, a)`` semantics and ``(B,)`` labels to ``(B,)`` scores, in float32."""
        hidden = self.from_features(features) + embed_per_class(self.from_semantics, semantics, labels)
        return to_float32(self.out(functional.leaky_relu(hidden, SLOPE))).squeeze(1)


def synthesize(
    generator: Callable[[Tensor, Tensor, Tensor], Tensor], width: int, semantics: Tensor, noise: ClassNoise
) -> Tensor:
    """Synthesize features of ``(C, a)`` semantics from noise of ``width``, class after class.

    ``generator`` maps noise, semantics and labels to features, as ``Generator`` does.
    """
    labels = torch.arange(len(semantics), device=semantics.device).repeat_interleave(noise.per_class)
    with torch.no_grad():
        return generator(noise.normal(width), semantics, labels)


def critic_terms(
    critic: Critic, real: Tensor, fake: Tensor, semantics: Tensor, labels: Tensor, mix: Tensor, weight: float
) -> dict[str, Tensor]:
    """The critic's loss with gradient penalty (Gulrajani et al. 2017; L_WGAN of Xian et al. 2018, negated).

    That is E D(fake, a) - E D(real, a), and ``weight`` E (|grad_x D(x, a)| - 1)^2 at x = mix real +
    (1 - mix) fake. No gradient goes to the features.

    Args:
        critic: D.
        real: ``(B, d)`` features.
        fake: ``(B, d)`` features synthesized for the same labels.
        semantics: ``(C, a)``.
        labels: ``(B,)`` rows of ``semantics``.
        mix: ``(B, 1)`` in [0, 1), the real row's share of the interpolate.
        weight: Weight of the penalty, lambda.
    """
    conditions = embed_per_class(critic.from_semantics, semantics, labels)
    weights = critic.from_features.weight, critic.out.weight[0]
    operands = (real.detach(), fake.detach(), conditions, *weights, mix)
    wasserstein, penalty = _CriticTerms.apply(*operands)  # type: ignore[no-untyped-call]
    return {"critic": wasserstein, "penalty": weight * penalty}


class _CriticTerms(torch.autograd.Function):
    """Both terms and their gradients, in closed form and exact.

    The critic is D(x, a) = sum_k w_k LeakyReLU(p_k) with p = W x + c, where c is the semantics' part. With
    s = LeakyReLU'(p) in {1, slope}, constant almost everywhere:

    - D(x, a) = (s w) p, and its gradient by x is r = (s w) W: one product, nothing to differentiate twice;
    - the first layer is affine, so at the interpolate p is the interpolate of its values at both ends;
    - the gradient by W of every term is diag(w) S^T X, for the rows X = [real; fake; r] and their slopes S,
      each row scaled by the share of its term: one product for all three;
    - the gradient by w is (W * S^T X) 1 + S^T c: the penalty's product with r W^T is not needed.
    """

    @staticmethod
    def forward(
        ctx: Any, real: Tensor, fake: Tensor, conditions: Tensor, first: Tensor, second: Tensor, mix: Tensor
    ) -> tuple[Tensor, Tensor]:
        batch, device = len(real), first.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else first.dtype
        with torch.autocast(device, enabled=False):
            weight, vector, conditions = first.to(dtype), second.to(dtype), conditions.to(dtype)
            rows = torch.empty(3 * batch, weight.shape[1], dtype=dtype, device=real.device)
            units = torch.empty(3 * batch, weight.shape[0], dtype=dtype, device=real.device)
            rows[:batch], rows[batch : 2 * batch] = real, fake
            ends, between = units[: 2 * batch], units[2 * batch :]
            torch.matmul(rows[: 2 * batch], weight.t(), out=ends)
            at_real, at_fake = ends[:batch], ends[batch:]
            at_real += conditions
            at_fake += conditions
            torch.lerp(at_fake, at_real, mix.to(dtype), out=between)
            gradient = rows[2 * batch :]
            torch.matmul(_slopes(between, vector.unsqueeze(0)), weight, out=gradient)
            active = functional.leaky_relu(ends, SLOPE)
            scores = to_float32((active @ vector.unsqueeze(1)).squeeze(1)).view(2, batch).mean(1)
            lengths = to_float32(gradient).norm(dim=1)
            penalty = (lengths - 1).square().mean(0)
        ctx.save_for_backward(first, second, rows, units, conditions, lengths)
        return scores[1] - scores[0], penalty

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_critic: Tensor, by_penalty: Tensor) -> tuple[Tensor | None, ...]:
        first, second, rows, units, conditions, lengths = ctx.saved_tensors
        batch = len(lengths)
        with torch.autocast(first.device.type, enabled=False):
            # What scales each row's slopes: its share of the mean score, or of the mean penalty.
            score = (by_critic / batch).expand(batch)
            outward = 2 * (lengths - 1) / lengths.clamp(min=1e-12) / batch
            shares = torch.cat([-score, score, by_penalty * outward]).to(units.dtype)
            slopes = _slopes(units, shares.unsqueeze(1))
            by_unit = to_float32(slopes.t() @ rows)
            ends = slopes[:batch] + slopes[batch : 2 * batch]
            by_second = (by_unit * first).sum(1) + to_float32(ends * conditions).sum(0)
            by_conditions = ends * second.to(ends.dtype)
        return None, None, by_conditions, by_unit.mul_(second.unsqueeze(1)), by_second, None


def _slopes(units: Tensor, factor: Tensor) -> Tensor:
    """Return LeakyReLU's slope at ``units`` times ``factor``."""
    # LeakyReLU's own backward pass is ten times as fast as a `where`.
    backward = torch.ops.aten.leaky_relu_backward
    return cast("Tensor", backward(factor.expand_as(units), units, SLOPE, False))
