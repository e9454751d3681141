"""All figures of a run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError
from gzslbench.evaluation.curve import seen_unseen_curve
from gzslbench.evaluation.metrics import class_accuracies, confusion_matrix
from gzslbench.report.figures.drawing import Drawing
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record
from gzslbench.runs.verify import read_predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.evaluation.predictions import Predictions

_PREDICTION_FIGURES = {
    "seen-unseen": "The seen-unseen curve of {}.",
    "class-accuracy": "The accuracy of every class, by {}.",
    "confusion": "Which classes are taken for which, by {}.",
}
"""Their titles by name."""


def figures_of_run(record: Record, folder: RunFolder, *, with_features: bool) -> Iterator[Drawing]:
    """Return every figure of a run; those that cannot be drawn have the reason.

    Args:
        record: The run's record.
        folder: The run's folder.
        with_features: Whether to load the run's model and synthesize features, which needs its checkpoint
            and its dataset, and takes seconds.
    """
    run = f"{record.cell.method} on {record.task.dataset}, seed {record.cell.seed}"
    yield _training_curves(record, folder, f"Losses and accuracies over the epochs of {run}.")
    try:
        predictions, reason = read_predictions(record, folder), ""
    except GzslBenchError as error:
        predictions, reason = None, _one_line(error)
    for name, title in _PREDICTION_FIGURES.items():
        draw = None if predictions is None else partial(_draw, name, predictions, record)
        yield Drawing(name, title.format(run), draw, reason)
    if with_features:
        yield _features(record, folder, f"Real and synthesized features of unseen classes, by {run}.")


def _training_curves(record: Record, folder: RunFolder, title: str) -> Drawing:
    from gzslbench.report.figures.training_curves import chosen_epochs, read_history, training_curves_figure

    name, failure = "training-curves", record.failure
    failed = f"{failure.term} diverged in epoch {failure.epoch} of {failure.stage}" if failure else ""
    try:
        history = read_history(folder.metrics())
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    if not history.losses and not history.metrics:
        return Drawing(name, title, reason=failed or "the method trains no epochs")
    return Drawing(name, title, partial(training_curves_figure, history, list(chosen_epochs(record)), failed))


def _draw(name: str, predictions: Predictions, record: Record) -> Figure:
    from gzslbench.report.figures.predictions import (
        class_accuracy_figure,
        confusion_figure,
        seen_unseen_figure,
    )

    names = record.task.class_names or ()
    if name == "seen-unseen":
        return seen_unseen_figure(seen_unseen_curve(predictions))
    if name == "class-accuracy":
        return class_accuracy_figure(class_accuracies(predictions, names))
    return confusion_figure(confusion_matrix(predictions), names, predictions.seen)


def _features(record: Record, folder: RunFolder, title: str) -> Drawing:
    name = "features"
    if record.cell.head is None:
        return Drawing(name, title, reason="the method scores classes itself and synthesizes nothing")

    from gzslbench.report.figures.features import features_figure, project
    from gzslbench.runs.load_trained import open_trained

    try:
        projection = project(open_trained(record, folder), record.cell.seed)
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    return Drawing(name, title, partial(features_figure, projection))


def _one_line(error: GzslBenchError) -> str:
    parts = (error.what, error.where, error.fix)
    return "; ".join(" ".join(part.split()) for part in parts if part)
