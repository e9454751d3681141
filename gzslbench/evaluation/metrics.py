"""The numbers that GZSL papers report, in percent, and the accuracies and confusions of single classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.evaluation.curve import SeenUnseenCurve, seen_unseen_curve

if TYPE_CHECKING:
    from gzslbench.evaluation.predictions import Predictions

PERCENTAGES = ("U", "S", "H", "T1", "AUSUC")
Percentage = Annotated[float, msgspec.Meta(ge=0, le=100 + 1e-6)]  # sums of shares can pass 100 by rounding


@dataclass(frozen=True)
class Metrics:
    """The five metrics of a run, in percent, 0 to 100.

    Attributes:
        U: Per-class top-1 accuracy of the unseen test rows, all classes as candidates.
        S: The same of the seen test rows.
        H: Harmonic mean of U and S; 0 where both are 0.
        T1: Per-class top-1 accuracy of the unseen test rows, unseen classes as candidates; None if labels do
            not tell it.
        AUSUC: Area under the seen-unseen curve (Chao et al., ECCV 2016), per-class weighted; None without
            scores.
    """

    U: Percentage
    S: Percentage
    H: Percentage
    T1: Percentage | None
    AUSUC: Percentage | None

    def as_dict(self) -> dict[str, Any]:
        """Return the five numbers by name."""
        return {name: getattr(self, name) for name in PERCENTAGES}


def per_class_accuracy(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: NDArray[np.int64]
) -> float:
    """Return the mean over ``classes`` of the accuracy within each, in percent (Xian et al., TPAMI 2019).

    Rows of other classes are left out, and so are classes without rows.

    Args:
        predicted: ``(n,)`` predicted class, from 0.
        labels: ``(n,)`` true class, from 0.
        classes: The classes to average over, each once.

    Raises:
        DataError: None of ``classes`` has a row.
    """
    size = int(max(classes.max(initial=-1), labels.max(initial=-1))) + 1
    rows = np.bincount(labels, minlength=size)[classes]
    correct = np.bincount(labels[predicted == labels], minlength=size)[classes]
    tested = rows > 0
    if not tested.any():
        where = f"{len(labels)} rows, {len(classes)} classes"
        fix = "check that test_seen and test_unseen of the split both have rows"
        raise DataError("no class to average over has a test row", where=where, fix=fix)
    return float(100 * np.mean(correct[tested] / rows[tested]))


def harmonic_mean(U: float, S: float) -> float:
    """Return ``2 U S / (U + S)``, in the unit of its arguments; 0 where both are 0."""
    return 2 * U * S / (U + S) if U + S > 0 else 0.0


def metrics_of(predictions: Predictions, curve: SeenUnseenCurve | None = None) -> Metrics:
    """Compute the five numbers of ``predictions``, equal to the bit each time.

    Predicted labels alone give no AUSUC. They give T1 if no unseen test row is predicted as a seen class:
    then T1 is U. ``curve`` is the seen-unseen curve, if it has been computed already.

    Raises:
        DataError: test_seen or test_unseen has no rows.
    """
    labels, seen = predictions.labels, predictions.seen
    predicted = predictions.predicted
    unseen_classes = np.flatnonzero(~seen)
    T1 = AUSUC = None
    if (predictions.zsl >= 0).all():
        T1 = per_class_accuracy(predictions.zsl, labels[~seen[labels]], unseen_classes)
    if predictions.has_scores:
        AUSUC = (curve or seen_unseen_curve(predictions)).area
    U = per_class_accuracy(predicted, labels, unseen_classes)
    S = per_class_accuracy(predicted, labels, np.flatnonzero(seen))
    return Metrics(U=U, S=S, H=harmonic_mean(U, S), T1=T1, AUSUC=AUSUC)


class ChanceWarning(UserWarning):
    """Accuracies are so low that rows, labels or classes may be in a wrong order."""


def find_chance(S: float, T1: float | None, seen: int, unseen: int) -> str:
    """Return a line if S or T1, in percent, is below twice what guessing gives; else an empty text.

    A low U says nothing, because of the bias towards seen classes. Neither do six or fewer candidates.
    """
    for name, value, classes in (("S", S, seen + unseen), ("T1", T1, unseen)):
        if value is not None and classes > 6 and value < 200 / classes:
            return f"{name} is {value:.1f} %, near chance: check the order of rows, labels and classes"
    return ""


@dataclass(frozen=True)
class ClassAccuracy:
    """The accuracy of one candidate class in percent of its test ``rows``; None without test rows."""

    name: str
    seen: bool
    rows: int
    accuracy: float | None


def class_accuracies(predictions: Predictions, class_names: Sequence[str]) -> tuple[ClassAccuracy, ...]:
    """Return the accuracy of each of the K candidates, in their order; ``class_names`` names all K."""
    matrix = confusion_matrix(predictions)
    counts, correct = matrix.sum(axis=1).tolist(), matrix.diagonal().tolist()
    return tuple(
        ClassAccuracy(name, bool(seen), rows, 100 * right / rows if rows else None)
        for name, seen, rows, right in zip(class_names, predictions.seen, counts, correct, strict=True)
    )


def confusion_matrix(predictions: Predictions) -> NDArray[np.int64]:
    """Return ``(K, K)`` counts of the test rows: true class by row, predicted class by column."""
    size = len(predictions.seen)
    cells = predictions.labels * size + predictions.predicted
    return np.bincount(cells, minlength=size * size).reshape(size, size)
