"""One feature of a layer's channel, from its activations at all places."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda activations: activations.mean(dim=(2, 3)),
    "max": lambda activations: activations.amax(dim=(2, 3)),
}


class Pooled(nn.Module):
    """A network's activations, pooled over all places."""

    def __init__(self, network: nn.Module, activations: Callable[[Tensor], Tensor], pooling: str) -> None:
        """Pool what ``activations``, a way through ``network``, gives.

        Args:
            network: Whose weights they are.
            activations: ``(B, 3, h, w)`` to ``(B, C, h', w')``.
            pooling: One of ``POOLINGS``.
        """
        super().__init__()
        self.network = network
        self.activations = activations
        self.pool = POOLINGS[pooling]

    def forward(self, photographs: Tensor) -> Tensor:
        """``(B, 3, h, w)`` to ``(B, C)``."""
        return self.pool(self.activations(photographs))
