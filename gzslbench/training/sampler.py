"""Batches of the training view, drawn where the data lie."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gzslbench.data.views import TrainView
from gzslbench.method import Sampling
from gzslbench.training.batch import Batch


class Sampler:
    """Draws batches of at most ``batch_size`` rows.

    ``draw``: each batch is a fresh random subset without repetition, independent of the one before.
    ``pass``: batches walk through a permutation; the last of a pass may be smaller.
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
        self._remaining: Tensor | None = None

    @property
    def iterations(self) -> int:
        """Iterations an epoch: ceil(N / batch_size)."""
        return math.ceil(len(self.view.labels) / self.batch_size)

    def batch(self) -> Batch:
        """The next batch."""
        rows = self._next_rows()
        return Batch(self.view.features[rows], self.view.labels[rows], self.noise)

    def state_dict(self) -> dict[str, Any]:
        """What makes the batches after a resumption those that would have come."""
        return {"rows": self.rows.get_state(), "noise": self.noise.get_state(), "remaining": self._remaining}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.rows.set_state(state["rows"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self._remaining = state["remaining"]

    def _next_rows(self) -> Tensor:
        if self.sampling == "draw":
            return self._permutation()[: self.batch_size]
        if self._remaining is None or len(self._remaining) == 0:
            self._remaining = self._permutation()
        rows = self._remaining[: self.batch_size]
        self._remaining = self._remaining[self.batch_size :]
        return rows

    def _permutation(self) -> Tensor:
        labels = self.view.labels
        return torch.randperm(len(labels), generator=self.rows, device=labels.device)
