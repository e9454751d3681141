"""Which classes are taken for which, all classes as candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.evaluation.predictions import Predictions

Part = Literal["all", "seen", "unseen"]


@dataclass(frozen=True)
class ClassAccuracy:
    """One candidate class: its name, whether it is seen, its test rows and the percent of them right.

    ``accuracy`` is None for a class without test rows.
    """

    name: str
    seen: bool
    rows: int
    accuracy: float | None


def confusion_matrix(predictions: Predictions, part: Part = "all") -> NDArray[np.int64]:
    """``(K, K)`` counts of the test rows of ``part``: true class by row, predicted class by column."""
    labels, predicted, size = predictions.labels, predictions.predicted, len(predictions.seen)
    if part != "all":
        rows = predictions.seen[labels] == (part == "seen")
        labels, predicted = labels[rows], predicted[rows]
    return np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)


def class_accuracies(predictions: Predictions, class_names: Sequence[str]) -> tuple[ClassAccuracy, ...]:
    """One entry for each of the K candidates, in their order; ``class_names`` names all K."""
    counts = np.bincount(predictions.labels, minlength=len(predictions.seen)).tolist()
    hits = predictions.labels[predictions.predicted == predictions.labels]
    correct = np.bincount(hits, minlength=len(predictions.seen)).tolist()
    return tuple(
        ClassAccuracy(name, bool(seen), rows, 100 * right / rows if rows else None)
        for name, seen, rows, right in zip(class_names, predictions.seen, counts, correct, strict=True)
    )
