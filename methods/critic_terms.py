"""The loss of a WGAN critic with gradient penalty, and its gradient, in closed form.

The critic is D(x, a) = sum_k w_k LeakyReLU(p_k) with p = W x + c, where c is the semantics' part. With
s = LeakyReLU'(p) in {1, slope}, constant almost everywhere:

- D(x, a) = (s w) p, and its gradient by x is r = (s w) W: one product, nothing to differentiate twice;
- the first layer is affine, so at the interpolate p is the interpolate of its values at both ends;
- the gradient by W of every term is diag(w) S^T X, for the rows X = [real; fake; r] and their slopes S, each
  row scaled by what its term gives it: one product for all three;
- the gradient by w is (W * S^T X) 1 + S^T c: the penalty's product with r W^T is not needed.

All of it is exact. Leading dimensions (several critics at once) are allowed.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gzslbench_methods.linear import SLOPE, of_labels
from gzslbench_methods.precision import full
from gzslbench_methods.wgan import Critic


def critic_terms(
    critic: Critic, real: Tensor, fake: Tensor, semantics: Tensor, labels: Tensor, mix: Tensor, weight: float
) -> dict[str, Tensor]:
    """The critic's loss with gradient penalty (Gulrajani et al. 2017; L_WGAN of Xian et al. 2018, negated).

    No gradient goes to the features.

    Args:
        critic: D.
        real: ``(B, d)`` features.
        fake: ``(B, d)`` synthesized for the same labels.
        semantics: ``(C, a)``.
        labels: ``(B,)`` rows of ``semantics``.
        mix: ``(B, 1)`` in [0, 1), the real row's share of the interpolate.
        weight: Of the penalty, lambda.
    """
    conditions = of_labels(critic.from_semantics, semantics, labels)
    wasserstein, penalty, *_ = _CriticTerms.apply(
        real.detach(), fake.detach(), conditions, critic.from_features.weight, critic.out.weight[0], mix
    )
    return {"critic": wasserstein, "penalty": weight * penalty}


class _CriticTerms(torch.autograd.Function):
    @staticmethod
    def forward(
        real: Tensor, fake: Tensor, conditions: Tensor, first: Tensor, second: Tensor, mix: Tensor
    ) -> tuple[Tensor, ...]:
        """The two terms, and what the backward pass needs: rows, pre-activations, the gradients' lengths."""
        batch, lowered = real.shape[-2], _product_type(first)
        device_type = first.device.type
        with torch.autocast(device_type, enabled=False):
            first, second, conditions = first.to(lowered), second.to(lowered), conditions.to(lowered)
            rows = _empty(real, 3 * batch, first.shape[-1], lowered)
            units = _empty(real, 3 * batch, first.shape[-2], lowered)
            rows[..., :batch, :], rows[..., batch : 2 * batch, :] = real, fake
            ends, between = units[..., : 2 * batch, :], units[..., 2 * batch :, :]
            torch.matmul(rows[..., : 2 * batch, :], first.mT, out=ends)
            at_real, at_fake = ends.unflatten(-2, (2, batch)).unbind(-3)
            at_real += conditions
            at_fake += conditions
            torch.lerp(at_fake, at_real, mix.to(lowered), out=between)
            gradient = rows[..., 2 * batch :, :]
            torch.matmul(_slopes(between, second.unsqueeze(-2)), first, out=gradient)
            active = torch.nn.functional.leaky_relu(ends, SLOPE)
            scores = full((active @ second.unsqueeze(-1)).squeeze(-1)).unflatten(-1, (2, batch)).mean(-1)
            lengths = full(gradient).norm(dim=-1)
            penalty = (lengths - 1).square().mean(-1)
        return scores[..., 1] - scores[..., 0], penalty, rows, units, conditions, lengths

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(inputs[3], inputs[4], *output[2:])
        ctx.mark_non_differentiable(*output[2:])
        ctx.set_materialize_grads(False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        first, second, rows, units, conditions, lengths = ctx.saved_tensors
        batch = lengths.shape[-1]
        with torch.autocast(first.device.type, enabled=False):
            shares = _shares(upstream, lengths).to(units.dtype)
            slopes = _slopes(units, shares.unsqueeze(-1))
            by_unit = full(slopes.mT @ rows)
            ends = slopes[..., :batch, :] + slopes[..., batch : 2 * batch, :]
            by_second = (by_unit * first).sum(-1) + full(ends * conditions).sum(-2)
            by_conditions = ends * second.unsqueeze(-2).to(ends.dtype)
        return None, None, by_conditions, by_unit.mul_(second.unsqueeze(-1)), by_second, None


def _product_type(weight: Tensor) -> torch.dtype:
    device_type = weight.device.type
    return torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else weight.dtype


def _empty(like: Tensor, rows: int, width: int, dtype: torch.dtype) -> Tensor:
    return torch.empty(*like.shape[:-2], rows, width, dtype=dtype, device=like.device)


def _slopes(units: Tensor, factor: Tensor) -> Tensor:
    """LeakyReLU's slope at ``units`` times ``factor``: its backward pass, ten times as fast as a `where`."""
    backward = torch.ops.aten.leaky_relu_backward
    return cast("Tensor", backward(factor.expand_as(units), units, SLOPE, False))


def _shares(upstream: tuple[Tensor | None, ...], lengths: Tensor) -> Tensor:
    """``(..., 3B)``: what each row's slopes are scaled by: both scores, and the penalty."""
    batch = lengths.shape[-1]
    wasserstein, penalty = (
        lengths.new_zeros(lengths.shape[:-1]) if grad is None else grad for grad in upstream[:2]
    )
    score = (wasserstein / batch).unsqueeze(-1).expand_as(lengths)
    outward = 2 * (lengths - 1) / lengths.clamp(min=1e-12) / batch
    return torch.cat([-score, score, penalty.unsqueeze(-1) * outward], dim=-1)
