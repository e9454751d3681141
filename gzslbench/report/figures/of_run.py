"""All figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.extra import require_matplotlib
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record
from gzslbench.runs.stored_predictions import predictions_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.evaluation.predictions import Predictions


def figures_of_run(record: Record, folder: RunFolder, *, with_features: bool) -> Iterator[Drawing]:
    """Every figure of a run, those that cannot be drawn with the reason.

    Args:
        record: Of the run.
        folder: Where it lies.
        with_features: Whether the run's model is opened to synthesize features, which needs its checkpoint
            and its dataset, and takes seconds.

    Raises:
        GzslBenchError: matplotlib is not installed.
    """
    require_matplotlib()
    return _figures(record, folder, with_features)


def _figures(record: Record, folder: RunFolder, with_features: bool) -> Iterator[Drawing]:
    yield _training_curves(record, folder)
    yield from _of_predictions(record, folder)
    if with_features:
        yield _features(record, folder)


def _training_curves(record: Record, folder: RunFolder) -> Drawing:
    from gzslbench.report.figures.choice import choices_of
    from gzslbench.report.figures.history import history_of
    from gzslbench.report.figures.training_curves import training_curves_figure

    name = "training-curves"
    title = f"Losses and accuracies over the epochs of {_run(record)}."
    failed = _failure(record)
    try:
        history = history_of(folder.metrics())
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    if not history.losses and not history.metrics:
        return Drawing(name, title, reason=failed or "no epochs are on record: the method trains none")
    choices = list(choices_of(record))
    return Drawing(name, title, lambda: training_curves_figure(history, choices, failed))


def _failure(record: Record) -> str:
    """Of a run that diverged, when and in what; else nothing."""
    if record.failure is None:
        return ""
    term, stage, epoch = (record.failure[name] for name in ("term", "stage", "epoch"))
    return f"{term} diverged in epoch {epoch} of {stage}"


def _of_predictions(record: Record, folder: RunFolder) -> Iterator[Drawing]:
    found: Predictions | None = None
    reason = ""
    try:
        found = predictions_of(record, folder)
    except GzslBenchError as error:
        reason = _one_line(error)
    for name, (title, draw) in _OF_PREDICTIONS.items():
        if found is None:
            yield Drawing(name, title.format(_run(record)), reason=reason)
        else:
            drawn = partial(draw, found, record.task["class_names"])
            yield Drawing(name, title.format(_run(record)), drawn)


def _seen_unseen(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.curve import seen_unseen_curve
    from gzslbench.report.figures.seen_unseen import seen_unseen_figure

    return seen_unseen_figure(seen_unseen_curve(predictions))


def _class_accuracy(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.metrics import class_accuracies
    from gzslbench.report.figures.class_accuracy import class_accuracy_figure

    return class_accuracy_figure(class_accuracies(predictions, names))


def _confusion(predictions: Predictions, names: Sequence[str]) -> Figure:
    from gzslbench.evaluation.metrics import confusion_matrix
    from gzslbench.report.figures.confusion import confusion_figure

    return confusion_figure(confusion_matrix(predictions), names, predictions.seen)


_OF_PREDICTIONS: dict[str, tuple[str, Callable[[Predictions, Sequence[str]], Figure]]] = {
    "seen-unseen": ("The seen-unseen curve of {}.", _seen_unseen),
    "class-accuracy": ("The accuracy of every class, by {}.", _class_accuracy),
    "confusion": ("Which classes are taken for which, by {}.", _confusion),
}
"""By name, the title, to which the run is added, and what draws it."""


def _features(record: Record, folder: RunFolder) -> Drawing:
    name, title = "features", f"Real and synthesized features of unseen classes, by {_run(record)}."
    if record.cell.get("head") is None:
        return Drawing(name, title, reason="the method scores classes itself and synthesizes nothing")

    from gzslbench.report.figures.features import features_figure
    from gzslbench.report.figures.projection import project
    from gzslbench.runs.load_trained import open_trained

    try:
        projection = project(open_trained(record, folder), record.cell["seed"])
    except GzslBenchError as error:
        return Drawing(name, title, reason=_one_line(error))
    return Drawing(name, title, lambda: features_figure(projection))


def _run(record: Record) -> str:
    return f"{record.cell['method']} on {record.task['dataset']}, seed {record.cell['seed']}"


def _one_line(error: GzslBenchError) -> str:
    parts = (error.what, error.where, error.fix)
    return "; ".join(" ".join(part.split()) for part in parts if part)
