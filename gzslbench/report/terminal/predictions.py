"""The candidate classes of a run, one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.evaluation.metrics import ClassAccuracy, class_accuracies, confusion_matrix
from gzslbench.evaluation.predictions import Predictions

NONE = "–"


@dataclass(frozen=True)
class ClassOutcome(ClassAccuracy):
    """A class, and the other class that most of its wrong rows are taken for.

    ``confused_with`` is the first of several that share it, and None where no row is wrong; ``share`` is
    the percent of all the class's test rows that go there.
    """

    confused_with: str | None
    share: float | None


def class_outcomes(predictions: Predictions, class_names: Sequence[str]) -> list[ClassOutcome]:
    """Every candidate, all classes as candidates: the unseen ones, then the seen ones."""
    matrix = confusion_matrix(predictions)
    np.fill_diagonal(matrix, 0)
    outcomes = []
    for each, wrong in zip(class_accuracies(predictions, class_names), matrix, strict=True):
        other = int(wrong.argmax())
        confused = bool(wrong[other])
        name = class_names[other] if confused else None
        share = 100 * int(wrong[other]) / each.rows if confused else None
        outcomes.append(ClassOutcome(**asdict(each), confused_with=name, share=share))
    return sorted(outcomes, key=lambda each: each.seen)


def classes_json(outcomes: Sequence[ClassOutcome]) -> list[dict[str, Any]]:
    """A dict a class."""
    return [asdict(each) for each in outcomes]


def classes_table(outcomes: Sequence[ClassOutcome]) -> RenderableType:
    """A row a class, in percent of its test rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("class", overflow="fold")
    table.add_column("part")
    for name in ("test rows", "accuracy"):
        table.add_column(name, justify="right")
    table.add_column("most often taken for", overflow="fold")
    table.add_column("share", justify="right")
    for each in outcomes:
        table.add_row(
            Text(each.name),
            "seen" if each.seen else "unseen",
            str(each.rows),
            _percent(each.accuracy),
            Text(each.confused_with or NONE),
            _percent(each.share),
        )
    title = f"classes: percent of each one's test rows, all {len(outcomes)} as candidates"
    return Group(Text(title, style="bold"), table)


def confusion_csv(predictions: Predictions, class_names: Sequence[str]) -> str:
    """The confusion matrix as CSV: counts of test rows, true class by row, predicted class by column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true \\ predicted", *class_names])
    for name, counts in zip(class_names, confusion_matrix(predictions).tolist(), strict=True):
        writer.writerow([name, *counts])
    return text.getvalue()


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"
