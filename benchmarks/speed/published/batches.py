"""Batches as the published programs draw them: on the host, then copied to the device."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import TrainView


class RandomBatches:
    """Fresh random rows for every step."""

    def __init__(self, view: TrainView, size: int) -> None:
        self.device = view.features.device
        self.features, self.labels = view.features.cpu(), view.labels.cpu()
        self.size = size

    def draw(self) -> tuple[Tensor, Tensor]:
        """``(B, d)`` features and ``(B,)`` labels on the device."""
        rows = torch.randperm(len(self.labels))[: self.size]
        return self.features[rows].to(self.device), self.labels[rows].to(self.device)


class ShuffledBatches:
    """Full batches along all rows, which are put in a new order each time they are through."""

    def __init__(self, features: Tensor, labels: Tensor) -> None:
        self.features, self.labels = features, labels
        self.start = 0
        self._shuffle()

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """``(size, d)`` features and ``(size,)`` labels; a batch may reach from one order into the next."""
        end = self.start + size
        if end <= len(self.labels):
            batch = self.features[self.start : end], self.labels[self.start : end]
            self.start = end
            return batch
        rest = self.features[self.start :], self.labels[self.start :]
        self._shuffle()
        self.start = size - len(rest[1])
        fresh = self.features[: self.start], self.labels[: self.start]
        return torch.cat([rest[0], fresh[0]]), torch.cat([rest[1], fresh[1]])

    def _shuffle(self) -> None:
        order = torch.randperm(len(self.labels))
        self.features, self.labels = self.features[order], self.labels[order]
