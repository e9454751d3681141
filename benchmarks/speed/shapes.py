"""The sizes of the field's datasets, filled with random numbers: they do not change what a step costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gzslbench.data.views import EvalView
from gzslbench.plugins import TrainView


@dataclass(frozen=True)
class Shape:
    """A dataset's sizes and the settings that decide what an iteration or an evaluation costs.

    Attributes:
        rows: Training rows; more than ``batch`` of them change nothing but the permutation.
        classes: Seen classes.
        unseen: Unseen classes.
        semantics: Length of a class's semantics, a.
        noise: Length of the generator's noise.
        comparator: Hidden width of the comparator, nhF.
        syn_num: Synthesized features for each unseen class.
        test_seen: Test rows of seen classes.
        test_unseen: Test rows of unseen classes.
        batch: Rows a step.
        features: Length of a feature vector, d.
        generator: Hidden width of the generator.
        critic: Hidden width of the critic.
        embedding: Width of h.
        projection: Width of z.
        weight: Of both contrasts in the generator's loss; of f-CLSWGAN's classification loss.
        lr: Learning rate of critic and generator.
        critic_steps: Critic steps before each generator step.
        head_epochs: Epochs of the head at an evaluation.
    """

    name: str
    rows: int
    classes: int
    unseen: int
    semantics: int
    noise: int
    comparator: int
    syn_num: int
    test_seen: int
    test_unseen: int
    batch: int = 256
    features: int = 2048
    generator: int = 4096
    critic: int = 4096
    embedding: int = 2048
    projection: int = 512
    weight: float = 0.001
    lr: float = 1e-4
    critic_steps: int = 5
    head_epochs: int = 25

    @property
    def candidates(self) -> int:
        """All classes, seen and unseen."""
        return self.classes + self.unseen

    def train_view(self, device: torch.device | str = "cpu") -> TrainView:
        """Random features >= 0, labels of the seen classes, semantics of unit length."""
        random = torch.Generator().manual_seed(0)
        features, labels = self._rows(self.rows, 0, self.classes, random)
        semantics = self._semantics()[: self.classes]
        return TrainView(features.to(device), labels.to(device), semantics.to(device))

    def eval_view(self, device: torch.device | str = "cpu") -> EvalView:
        """Random test rows; the unseen classes come after the seen ones."""
        random = torch.Generator().manual_seed(1)
        seen_features, seen_labels = self._rows(self.test_seen, 0, self.classes, random)
        features, labels = self._rows(self.test_unseen, self.classes, self.candidates, random)
        return EvalView(
            seen_features.to(device),
            seen_labels.to(device),
            features.to(device),
            labels.to(device),
            self._semantics().to(device),
            (torch.arange(self.candidates) < self.classes).to(device),
            np.arange(self.candidates),
        )

    def at(self, batch: int) -> Shape:
        """Return the same shape with another batch, and enough rows for it."""
        return replace(self, batch=batch, rows=max(self.rows, batch))

    def tiny(self) -> Shape:
        """Return a shape so small that it only tests a program."""
        sizes = {"rows": 40, "classes": 4, "unseen": 2, "semantics": 5, "noise": 3, "syn_num": 6}
        rows = {"test_seen": 9, "test_unseen": 7, "batch": 8, "head_epochs": 2}
        widths = {"features": 6, "generator": 10, "critic": 11, "embedding": 7, "projection": 4}
        numbers: dict[str, Any] = {**sizes, **rows, **widths}
        return replace(self, **numbers, comparator=9)

    def _semantics(self) -> Tensor:
        semantics = torch.randn(self.candidates, self.semantics, generator=torch.Generator().manual_seed(2))
        return torch.nn.functional.normalize(semantics, dim=1)

    def _rows(self, rows: int, low: int, high: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        features = torch.rand(rows, self.features, generator=random)
        # Each class has rows, because some methods draw equally many of each.
        return features, low + torch.randperm(rows, generator=random) % (high - low)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("AWA2", 23527, 40, 10, 85, 85, 2048, 2400, 5882, 7913, batch=512),
        Shape("CUB-sent", 7057, 150, 50, 1024, 1024, 2048, 100, 1764, 2967),
        Shape("SUN", 10320, 645, 72, 102, 102, 1024, 100, 2580, 1440, weight=0.01, lr=5e-5),
        Shape("FLO", 5631, 82, 20, 1024, 512, 1024, 600, 1403, 1155, weight=0.01),
    )
}
"""Rows, classes and semantics of the proposed splits; settings of CE-GZSL's presets, with smaller batches."""
AWA2_BATCH = 4096
"""The published one."""

FLO_LITE0 = replace(
    SHAPES["FLO"],
    name="FLO-lite0",
    noise=256,
    comparator=256,
    syn_num=100,
    features=1280,
    generator=1024,
    critic=1024,
    embedding=512,
    projection=128,
)
"""FLO with EfficientNet-Lite0 features and the CPU-sized settings of the suite flo-lite0."""

DIGITS = Shape(
    "digits",
    rows=1152,
    classes=8,
    unseen=2,
    semantics=16,
    noise=32,
    comparator=64,
    syn_num=400,
    test_seen=290,
    test_unseen=360,
    batch=64,
    features=64,
    generator=256,
    critic=256,
    embedding=128,
    projection=32,
    weight=0.01,
    lr=1e-3,
)
"""About the built-in digits, with the sizes of their presets: networks as small as they come."""
