"""A figure that can be drawn or the reason why not, and all figures of a run, without matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError
from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.curve import seen_unseen_curve
from gzslbench.evaluation.metrics import class_accuracies, confusion_matrix
from gzslbench.report.published_data import mark_of
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record
from gzslbench.runs.verify import read_predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Drawing:
    """A figure; ``title`` is for readers who cannot see it. Without ``draw``, ``reason`` says why.

    ``mark`` says that the data are not the published ones, see ``mark_of``; title and figure say it.
    """

    name: str
    title: str
    draw: Callable[[], Figure] | None = None
    reason: str = ""
    mark: str = ""

    def __post_init__(self) -> None:
        if self.mark:
            object.__setattr__(self, "title", f"{self.title} Data: {self.mark}.")
            if self.draw is not None:
                object.__setattr__(self, "draw", partial(_draw_with_mark, self.draw, self.mark))


def _draw_with_mark(draw: Callable[[], Figure], mark: str) -> Figure:
    """Write the mark across the figure, so that it stays when the figure is cut out."""
    figure = draw()
    width, height = figure.get_size_inches()
    points = min(30.0, 100 * width / len(mark), 40 * height)
    figure.text(0.5, 0.5, mark.upper(), ha="center", va="center", fontsize=points, alpha=0.15)
    return figure


def require_matplotlib() -> None:
    """Check that matplotlib is installed, without importing it; a GzslBenchError says how to install it."""
    if find_spec("matplotlib") is None:
        what = "figures need matplotlib, which is not installed"
        raise GzslBenchError(what, fix="pip install 'gzslbench[figures]'")


def figures_of_run(record: Record, folder: RunFolder, *, with_features: bool) -> Iterator[Drawing]:
    """Return every figure of a run; those that cannot be drawn have the reason."""
    external = "external result" if record.cell.external is not None else ""
    mark = ", ".join(filter(None, [external, mark_of(record.task)]))
    return (replace(found, mark=mark) for found in _figures(record, folder, with_features))


def _figures(record: Record, folder: RunFolder, with_features: bool) -> Iterator[Drawing]:
    from gzslbench.report.figures import predictions as view

    run = f"{record.cell.method} on {record.task.dataset}, seed {record.cell.seed}"
    names = record.task.class_names or ()
    chosen = None if record.headline is None else record.headline.gamma
    calibrated = "" if chosen is None else ", calibrated"
    external = record.cell.external is not None
    if not external:
        yield _training_curves(record, folder, f"Losses and accuracies over the epochs of {run}.")
    try:
        predictions, reason = read_predictions(record, folder), ""
    except GzslBenchError as error:
        predictions, reason = None, _one_line(error)
    figures: dict[str, tuple[str, Callable[[Predictions], Figure]]] = {
        "seen-unseen": (
            f"The seen-unseen curve of {run}.",
            lambda found: view.seen_unseen_figure(seen_unseen_curve(found), chosen),
        ),
        "gamma": (
            f"U, S and H of {run} as the calibration constant gamma grows.",
            lambda found: view.gamma_figure(seen_unseen_curve(found), chosen),
        ),
        "class-accuracy": (
            f"The accuracy of every class, by {run}{calibrated}.",
            lambda found: view.class_accuracy_figure(class_accuracies(calibrate(found, chosen), names)),
        ),
        "confusion": (
            f"Which classes are taken for which, by {run}{calibrated}.",
            lambda found: view.confusion_figure(
                confusion_matrix(calibrate(found, chosen)), names, found.seen
            ),
        ),
    }
    for name, (title, draw) in figures.items():
        found = predictions
        if found is not None and not found.has_scores and name in ("seen-unseen", "gamma"):
            found, reason = None, "only predicted labels are known, without scores"
        yield Drawing(name, title, None if found is None else partial(draw, found), reason)
    if with_features and not external:
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
