"""Layers and small functions that several methods share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch

SLOPE = 0.2
"""LeakyReLU's slope below zero, in every network of the f-CLSWGAN family."""


def to_float32(values: Tensor) -> Tensor:
    """Convert to float32; float64 is not changed.

    What is summed over a batch is summed in float32, also where autocast has lowered the products.
    """
    return values if values.dtype == torch.float64 else values.float()


def uninitialized_linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Make a linear layer without initialising it, so that it draws nothing from the global random stream."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias)  # type: ignore[no-untyped-call]
    return layer


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Make a linear layer as the f-CLSWGAN family initialises it: weights from N(0, 0.02), zero bias."""
    layer = uninitialized_linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, 0.0, 0.02)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def embed_per_class(layer: nn.Module, semantics: Tensor, labels: Tensor) -> Tensor:
    """Compute ``layer(semantics[labels])``, once for each class if there are fewer classes than rows.

    Args:
        layer: From ``(n, a)`` to ``(n, m)``.
        semantics: ``(C, a)``.
        labels: ``(B,)`` rows of ``semantics``.

    Returns:
        ``(B, m)``.
    """
    if len(semantics) < len(labels):
        by_class: Tensor = layer(semantics)
        # The backward pass sums the rows of a class, which needs float32; it does not change the rows.
        return to_float32(by_class).index_select(0, labels).to(by_class.dtype)
    embedded: Tensor = layer(semantics.index_select(0, labels))
    return embedded


def dropout(values: Tensor, rate: float, batch: Batch | None) -> Tensor:
    """Set each value to 0 with probability ``rate``, and divide the others by 1 - ``rate``.

    torch's own dropout draws from the global random stream; this one draws from the batch, like every loss.

    Args:
        values: ``(n, m)``.
        rate: In [0, 1).
        batch: The batch of the step; None in evaluation, which drops nothing.
    """
    if batch is None or rate == 0:
        return values
    keep = batch.uniform(*values.shape).ge_(rate)  # in place: a mask is as large as the values
    return values * keep.to(values.dtype).div_(1 - rate)


def linear_warmup(weight: float, epoch: Tensor, start: float, end: float) -> Tensor:
    """Return a weight that is 0 until ``start``, rises linearly to ``weight`` at ``end``, and stays there.

    Args:
        weight: The final value.
        epoch: ``()`` completed epochs, on the device.
        start: Last epoch of weight 0.
        end: First epoch of the final weight, later than ``start``.
    """
    return weight * ((epoch - start) / (end - start)).clamp(0, 1)


class Compatibility(nn.Module):
    """F(x, a) = x^T W a, of features that it normalizes first.

    Each column of W starts uniform in [0, 1) and is brought to length 1.
    """

    def __init__(self, features: Tensor, semantics: int, normalization: str) -> None:
        """``features``: ``(n, d)`` training rows, whose means and deviations standardize."""
        super().__init__()
        self.normalization = normalization
        self.to_semantics = uninitialized_linear(features.shape[1], semantics, bias=False)
        weight = torch.rand(semantics, features.shape[1])
        self.to_semantics.weight.data = functional.normalize(weight, dim=1)
        self.mean: Tensor
        self.deviation: Tensor
        if normalization == "standardize":
            deviation = features.double().std(0, correction=0)
            self.register_buffer("mean", features.double().mean(0).to(features))
            self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0).to(features))

    def project(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to their ``(n, a)`` images x^T W among the semantics."""
        if self.normalization == "l2":
            features = functional.normalize(features, dim=1)
        elif self.normalization == "standardize":
            features = (features - self.mean) / self.deviation
        images: Tensor = self.to_semantics(features)
        return to_float32(images)

    def forward(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` scores."""
        return to_float32(self.project(features) @ semantics.t())
