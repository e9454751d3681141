"""Batches of the training view, drawn where the data lie."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.span import span
from gzslbench.computing.walk import Walk
from gzslbench.data.views import TrainView
from gzslbench.plugins.method import Sampling
from gzslbench.training.batch import Batch


class Sampler:
    """Draws batches of at most ``batch_size`` rows.

    ``draw``: each batch is a fresh random subset without repetition, independent of the one before.
    ``pass``: full batches walk through one permutation after another.

    Attributes:
        epoch: What its batches tell of the stage's completed epochs; whoever counts them fills it in.
    """

    def __init__(
        self,
        view: TrainView,
        batch_size: int,
        sampling: Sampling,
        rows: torch.Generator,
        noise: torch.Generator,
    ) -> None:
        self.view = view
        self.batch_size = min(batch_size, len(view.labels))
        self.sampling = sampling
        self.rows = rows
        self.noise = noise
        self.epoch = torch.zeros((), device=view.labels.device)
        self._walk = Walk(len(view.labels), rows, view.labels.device)

    @property
    def iterations(self) -> int:
        """Iterations that go once through the rows: ceil(N / batch_size)."""
        return math.ceil(len(self.view.labels) / self.batch_size)

    def batch(self) -> Batch:
        """The next batch."""
        batch = self.reserve()
        self.fill(batch)
        return batch

    def reserve(self) -> Batch:
        """A batch whose rows are still to be filled in."""
        features, labels, size = self.view.features, self.view.labels, self.batch_size
        rows = features.new_empty(size, *features.shape[1:])
        return Batch(rows, labels.new_empty(size), self.noise, self.epoch)

    def fill(self, batch: Batch) -> None:
        """Let ``batch`` be the next one, in the memory that it has."""
        with span("batch"):
            rows = self._next_rows()
            torch.index_select(self.view.features, 0, rows, out=batch.features)
            torch.index_select(self.view.labels, 0, rows, out=batch.labels)

    def state_dict(self) -> dict[str, Any]:
        """What makes the batches after a resumption those that would have come."""
        return {
            "rows": self.rows.get_state(),
            "noise": self.noise.get_state(),
            "remaining": self._walk.remaining,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.rows.set_state(state["rows"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self._walk.remaining = state["remaining"]

    def _next_rows(self) -> Tensor:
        if self.sampling == "pass":
            return self._walk.take(self.batch_size)
        labels = self.view.labels
        order = torch.randperm(len(labels), generator=self.rows, device=labels.device)
        return order[: self.batch_size]
