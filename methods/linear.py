"""Linear layers as the f-CLSWGAN family writes and initialises them."""

from __future__ import annotations

from torch import Tensor, nn

from gzslbench_methods.precision import full

SLOPE = 0.2
"""LeakyReLU's slope below zero, in every network of the family."""


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer with N(0, 0.02) weights and zero bias, drawn from the global random stream."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, 0.0, 0.02)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def of_labels(layer: nn.Linear, semantics: Tensor, labels: Tensor) -> Tensor:
    """``layer(semantics[labels])``, computed once a class where the classes are fewer than the rows.

    Args:
        layer: From the a semantics to m units.
        semantics: ``(C, a)``.
        labels: ``(B,)`` rows of ``semantics``.

    Returns:
        ``(B, m)``.
    """
    if len(semantics) < len(labels):
        by_class = layer(semantics)
        # In float32, where the backward pass sums a class's rows; for the rows themselves it changes nothing.
        return full(by_class).index_select(0, labels).to(by_class.dtype)
    return layer(semantics.index_select(0, labels))
