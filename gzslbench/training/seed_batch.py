"""The batches of several seeds that train as one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from gzslbench.training.batch import Batch


class SeedBatches:
    """A batch a seed, in one piece of memory.

    Attributes:
        features: ``(S, B, d)``.
        labels: ``(S, B)``.
        own: Each seed's, views of these, with its noise.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.features = torch.stack([batch.features for batch in batches])
        self.labels = torch.stack([batch.labels for batch in batches])
        self.own = [
            Batch(features, labels, batch.noise, batch.epoch)
            for features, labels, batch in zip(self.features, self.labels, batches, strict=True)
        ]

    @property
    def epochs(self) -> Tensor:
        """``(S,)``, as they are now."""
        return torch.stack([batch.epoch for batch in self.own])


@dataclass(frozen=True, kw_only=True)
class SeedBatch(Batch):
    """The batch of each of several seeds, as a loss sees it inside ``torch.vmap`` over them.

    Attributes:
        seed: The position among ``own``, over which vmap maps.
        own: The seeds' own batches; each draws from its own stream what it draws alone.
    """

    seed: Tensor
    own: Sequence[Batch] = field(repr=False)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, for each seed from its own stream."""
        return self._drawn(lambda batch: batch.normal(*shape))

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), for each seed from its own stream."""
        return self._drawn(lambda batch: batch.uniform(*shape))

    def _drawn(self, draw: Callable[[Batch], Tensor]) -> Tensor:
        return cast("Tensor", _Draw.apply(self.seed, self.own, draw))  # type: ignore[no-untyped-call]


class _Draw(torch.autograd.Function):
    """A draw from the seed's generator: vmap has no rule for that, nor for what draws from its own stream."""

    @staticmethod
    def forward(seed: Tensor, own: Sequence[Batch], draw: Callable[[Batch], Tensor]) -> Tensor:
        return draw(own[int(seed)])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Nothing is kept: random numbers have no gradient."""

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, seed: Tensor, own: Sequence[Batch], draw: Callable[[Batch], Tensor]
    ) -> tuple[Tensor, int]:
        return torch.stack([draw(batch) for batch in own]), 0
