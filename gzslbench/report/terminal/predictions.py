"""A run's predictions on the terminal, as JSON and as CSV: its classes, and its seen-unseen curve."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from gzslbench.evaluation.curve import SeenUnseenCurve
from gzslbench.evaluation.metrics import ClassAccuracy, class_accuracies, confusion_matrix, harmonic_mean
from gzslbench.evaluation.predictions import Predictions
from gzslbench.report.printing import make_table

CURVE_POINTS = 12
"""Points of the curve that the terminal shows, apart from the run's own and the best."""
AS_PREDICTED = "as predicted, nothing subtracted"
CHOSEN = "gamma chosen on validation classes"
BEST = "best H: gamma chosen on TEST"


@dataclass(frozen=True)
class ClassOutcome(ClassAccuracy):
    """A class, the other class that most of its wrong rows are taken for, and their share in percent."""

    confused_with: str | None
    share: float | None


def class_outcomes(predictions: Predictions, class_names: Sequence[str]) -> list[ClassOutcome]:
    """Return every candidate class, all classes as candidates: the unseen ones, then the seen ones."""
    matrix = confusion_matrix(predictions)
    np.fill_diagonal(matrix, 0)
    outcomes = []
    for accuracy, wrong in zip(class_accuracies(predictions, class_names), matrix, strict=True):
        other, most = int(wrong.argmax()), int(wrong.max())
        name, share = (class_names[other], 100 * most / accuracy.rows) if most else (None, None)
        outcomes.append(ClassOutcome(**asdict(accuracy), confused_with=name, share=share))
    return sorted(outcomes, key=lambda outcome: outcome.seen)


def classes_table(outcomes: Sequence[ClassOutcome], rule: str) -> RenderableType:
    """Return a row per class, in percent of its test rows; ``rule`` is that of the predictions."""
    rows = []
    for item in outcomes:
        part = "seen" if item.seen else "unseen"
        rows.append((item.name, part, item.rows, item.accuracy, item.confused_with, item.share))
    columns = ["class", "part", "test rows", "accuracy", "most often taken for", "share"]
    table = make_table(columns, rows, ("test rows", "accuracy", "share"))
    title = f"classes by {rule}: percent of each class's test rows, all {len(outcomes)} as candidates"
    return Group(Text(title, style="bold"), table)


def confusion_csv(predictions: Predictions, class_names: Sequence[str]) -> str:
    """Return the confusion matrix: counts of test rows, true class by row, predicted class by column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true \\ predicted", *class_names])
    for name, counts in zip(class_names, confusion_matrix(predictions).tolist(), strict=True):
        writer.writerow([name, *counts])
    return text.getvalue()


def curve_json(curve: SeenUnseenCurve) -> dict[str, Any]:
    """Return every point, the area and the best point; an infinite gamma is null."""
    best = curve.best
    return {
        "AUSUC": curve.area,
        "best": {**best._asdict(), "gamma": _finite(best.gamma), "chosen_on": "test"},
        "gamma": [_finite(gamma) for gamma in curve.gamma.tolist()],
        "S": curve.S.tolist(),
        "U": curve.U.tolist(),
    }


def curve_table(curve: SeenUnseenCurve, chosen: float | None = None) -> RenderableType:
    """Return the area and some points: gamma 0, the ``chosen`` one, the best on test, and even steps."""
    own, best = curve.position(0.0), curve.position(curve.best.gamma)
    marked = [(own, AS_PREDICTED), (best, BEST)]
    if chosen is not None:
        marked.insert(1, (curve.position(chosen), CHOSEN))
    gained = curve.U - curve.S  # it only grows along the curve, so even steps of it spread the points
    even: list[int] = np.searchsorted(gained, np.linspace(gained[0], gained[-1], CURVE_POINTS)).tolist()
    rows, styles = [], []
    for i in sorted({*even, *(place for place, _ in marked)}):
        gamma, S, U = (float(values[i]) for values in (curve.gamma, curve.S, curve.U))
        notes = [note for place, note in marked if place == i]
        shown = "0" if i == own else f"{gamma:.4g}" if math.isfinite(gamma) else "∞"
        rows.append((shown, S, U, harmonic_mean(U, S), "; ".join(notes)))
        styles.append("yellow" if i == best else "")
    numbers = ["gamma", "S", "U", "H"]
    table = make_table([*numbers, ""], rows, numbers, styles)
    title = "seen-unseen curve: gamma is subtracted from the scores of the seen classes"
    return Group(Text(title, style="bold"), table, Text(f"AUSUC {curve.area:.2f}"))


def _finite(gamma: float) -> float | None:
    return gamma if math.isfinite(gamma) else None
