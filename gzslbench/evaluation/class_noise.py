"""The random numbers of synthesized features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor


class ClassNoise:
    """Draws for the rows of several classes at once, each class from a random stream of its own.

    So what a class's rows are made of depends neither on the other classes nor on how many of them are
    synthesized in one call.

    Attributes:
        per_class: Rows of each class.
    """

    def __init__(self, streams: Sequence[torch.Generator], per_class: int) -> None:
        self.per_class = per_class
        self._streams = streams

    def __len__(self) -> int:
        """Rows of all classes together."""
        return len(self._streams) * self.per_class

    def normal(self, width: int) -> Tensor:
        """``(rows, width)`` standard normal numbers, the rows of one class together."""
        return self._drawn(torch.randn, width)

    def uniform(self, width: int) -> Tensor:
        """``(rows, width)`` uniform numbers in [0, 1), the rows of one class together."""
        return self._drawn(torch.rand, width)

    def _drawn(self, draw: Callable[..., Tensor], width: int) -> Tensor:
        of_class = partial(draw, self.per_class, width)
        return torch.cat([of_class(generator=each, device=each.device) for each in self._streams])
