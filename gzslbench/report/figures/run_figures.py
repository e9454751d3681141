"""All figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError
from gzslbench.report.figures.drawing import Drawing, require_matplotlib
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record
from gzslbench.runs.verify import read_predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.evaluation.predictions import Predictions


def figures_of_run(record: Record, folder: RunFolder, *, with_features: bool) -> Iterator[Drawing]:
    """Return every figure of a run; those that cannot be drawn have the reason.

    Args:
        record: The run's record.
        folder: The run's folder.
        with_features: Whether to load the run's model and synthesize features, which needs its checkpoint
            and its dataset, and takes seconds.

    Raises:
        GzslBenchError: matplotlib is not installed.
    """
    require_matplotlib()
    return _figures(record, folder, with_features)


def _figures(record: Record, folder: RunFolder, with_features: bool) -> Iterator[Drawing]:
    yield _training_curves(record, folder)
    yield from _prediction_figures(record, folder)
    if with_features:
        yield _features(record, folder)


def _training_curves(record: Record, folder: RunFolder) -> Drawing:
    from gzslbench.report.figures.training_curves import chosen_epochs, read_history, training_curves_figure

    name = "training-curves"
    title = f"Losses and accuracies over the epochs of {_run(record)}."
    failed = _failure(record)
    try:
        history = read_history(folder.metrics())
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    if not history.losses and not history.metrics:
        return Drawing(name, title, reason=failed or "the method trains no epochs")
    choices = list(chosen_epochs(record))
    return Drawing(name, title, lambda: training_curves_figure(history, choices, failed))


def _failure(record: Record) -> str:
    """Return when and in which loss a run diverged, or nothing."""
    if record.failure is None:
        return ""
    failure = record.failure
    return f"{failure.term} diverged in epoch {failure.epoch} of {failure.stage}"


def _prediction_figures(record: Record, folder: RunFolder) -> Iterator[Drawing]:
    predictions: Predictions | None = None
    reason = ""
    try:
        predictions = read_predictions(record, folder)
    except GzslBenchError as error:
        reason = _one_line(error)
    for name, (title, draw) in _PREDICTION_FIGURES.items():
        if predictions is None:
            yield Drawing(name, title.format(_run(record)), reason=reason)
        else:
            draw_it = partial(draw, predictions, record.task.class_names or ())
            yield Drawing(name, title.format(_run(record)), draw_it)


def _seen_unseen(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.curve import seen_unseen_curve
    from gzslbench.report.figures.predictions import seen_unseen_figure

    return seen_unseen_figure(seen_unseen_curve(predictions))


def _class_accuracy(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.metrics import class_accuracies
    from gzslbench.report.figures.predictions import class_accuracy_figure

    return class_accuracy_figure(class_accuracies(predictions, names))


def _confusion(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.metrics import confusion_matrix
    from gzslbench.report.figures.predictions import confusion_figure

    return confusion_figure(confusion_matrix(predictions), names, predictions.seen)


_PREDICTION_FIGURES: dict[str, tuple[str, Callable[[Predictions, Sequence[str]], Figure]]] = {
    "seen-unseen": ("The seen-unseen curve of {}.", _seen_unseen),
    "class-accuracy": ("The accuracy of every class, by {}.", _class_accuracy),
    "confusion": ("Which classes are taken for which, by {}.", _confusion),
}
"""By name, the title, into which the run is put, and the function that draws it."""


def _features(record: Record, folder: RunFolder) -> Drawing:
    name, title = "features", f"Real and synthesized features of unseen classes, by {_run(record)}."
    if record.cell.head is None:
        return Drawing(name, title, reason="the method scores classes itself and synthesizes nothing")

    from gzslbench.report.figures.features import features_figure, project
    from gzslbench.runs.load_trained import open_trained

    try:
        projection = project(open_trained(record, folder), record.cell.seed)
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    return Drawing(name, title, lambda: features_figure(projection))


def _run(record: Record) -> str:
    return f"{record.cell.method} on {record.task.dataset}, seed {record.cell.seed}"


def _one_line(error: GzslBenchError) -> str:
    parts = (error.what, error.where, error.fix)
    return "; ".join(" ".join(part.split()) for part in parts if part)
