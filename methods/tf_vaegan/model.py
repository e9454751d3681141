"""TF-VAEGAN's own networks: the semantic decoder and the feedback module."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gzslbench_methods.linear import SLOPE, linear
from gzslbench_methods.precision import full


class SemanticDecoder(nn.Module):
    """Dec(x): features -> hidden, LeakyReLU -> semantics of unit length."""

    def __init__(self, features: int, hidden: int, semantics: int) -> None:
        super().__init__()
        self.first = linear(features, hidden)
        self.out = linear(hidden, semantics)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to ``(B, a)`` semantics."""
        return self.semantics(self.hidden(features))

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to the ``(B, m)`` hidden layer."""
        return functional.leaky_relu(self.first(features), SLOPE)

    def semantics(self, hidden: Tensor) -> Tensor:
        """``(B, m)`` hidden units to ``(B, a)`` semantics, in float32 at least."""
        return functional.normalize(full(self.out(hidden)))


class Feedback(nn.Module):
    """F: the decoder's hidden layer to what is added to the generator's, two layers with LeakyReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = linear(width, width)
        self.second = linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(B, m)`` to ``(B, m)``."""
        return functional.leaky_relu(self.second(functional.leaky_relu(self.first(hidden), SLOPE)), SLOPE)
