"""Batches of the training view, drawn on the device that holds the data."""

from __future__ import annotations

import math
from typing import Any

import torch

from gzslbench.computing.instrumentation import span
from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins.inputs import Batch, TrainView
from gzslbench.plugins.method import Sampling


class Sampler:
    """Draws batches of at most ``batch_size`` rows.

    ``draw``: each batch is a fresh random subset without repetition, independent of the one before.
    ``pass``: full batches walk through one permutation after another.

    Attributes:
        epoch: ``()`` the completed epochs that its batches carry; the stage sets it.
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
        self._permutations = PermutationSampler(len(view.labels), rows, view.labels.device)

    @property
    def iterations(self) -> int:
        """Iterations of one pass over the rows: ceil(N / batch_size)."""
        return math.ceil(len(self.view.labels) / self.batch_size)

    def batch(self) -> Batch:
        """Draw the next batch."""
        batch = self.reserve()
        self.fill(batch)
        return batch

    def reserve(self) -> Batch:
        """Allocate a batch; ``fill`` writes its rows."""
        features, labels, size = self.view.features, self.view.labels, self.batch_size
        rows = features.new_empty(size, *features.shape[1:])
        return Batch(rows, labels.new_empty(size), self.noise, self.epoch)

    def fill(self, batch: Batch) -> None:
        """Write the next batch into the memory of ``batch``."""
        with span("batch"):
            if self.sampling == "pass":
                rows = self._permutations.next(self.batch_size)
            else:
                labels = self.view.labels
                order = torch.randperm(len(labels), generator=self.rows, device=labels.device)
                rows = order[: self.batch_size]
            torch.index_select(self.view.features, 0, rows, out=batch.features)
            torch.index_select(self.view.labels, 0, rows, out=batch.labels)

    def state_dict(self) -> dict[str, Any]:
        """Return the state from which a resumed run draws the same batches."""
        return {
            "rows": self.rows.get_state(),
            "noise": self.noise.get_state(),
            "remaining": self._permutations.remaining,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self.rows.set_state(state["rows"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self._permutations.remaining = state["remaining"]
