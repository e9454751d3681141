"""Metrics of scores or predicted labels from any program: arrays of numpy or torch, or lists."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gzslbench.data.checks import refuse_mask
from gzslbench.errors import DataError
from gzslbench.evaluation.curve import SeenUnseenCurve, seen_unseen_curve
from gzslbench.evaluation.metrics import (
    ChanceWarning,
    ClassAccuracy,
    Metrics,
    class_accuracies,
    find_chance,
    metrics_of,
)
from gzslbench.evaluation.predictions import UNKNOWN_CLASS, Predictions

CHUNK_ROWS = 4096
"""Rows of scores that are in memory at the same time, if the array is a memory map."""
_MOST_CLASSES = 1_000_000
_ONE_LABEL = "give one whole number per row: the number of its class, from 0"


@dataclass(frozen=True, eq=False)
class MetricsReport(Metrics):
    """The metrics of given scores or labels, in percent; a notebook shows them as a table.

    Attributes:
        curve: The seen-unseen curve; None without scores.
        per_class: The accuracy of each class, in the order of the classes.
        predictions: What the metrics are computed from; the rows of seen classes come first.
    """

    curve: SeenUnseenCurve | None
    per_class: tuple[ClassAccuracy, ...]
    predictions: Predictions

    def __repr__(self) -> str:
        """Return the five metrics with two decimals."""
        return ", ".join(f"{name} {_two_decimals(value)}" for name, value in self.as_dict().items())

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name} (%)</th>" for name in self.as_dict())
        cells = "".join(f"<td>{_two_decimals(value)}</td>" for value in self.as_dict().values())
        lines = "".join(
            f"<tr><td>{escape(one.name)}</td><td>{'seen' if one.seen else 'unseen'}</td>"
            f"<td>{one.rows}</td><td>{_two_decimals(one.accuracy)}</td></tr>"
            for one in self.per_class
        )
        classes = f"<tr><th>class</th><th></th><th>rows</th><th>accuracy (%)</th></tr>{lines}"
        return (
            f"<table><tr>{head}</tr><tr>{cells}</tr></table>"
            f"<details><summary>{len(self.per_class)} classes</summary><table>{classes}</table></details>"
        )


def metrics(
    scores: ArrayLike, labels: ArrayLike, seen: ArrayLike, class_names: Sequence[str] | None = None
) -> MetricsReport:
    """Compute U, S, H, T1 and AUSUC, the seen-unseen curve, and the accuracy of each class.

    The prediction of a row is the class of its highest score, the first of equal ones. Per-class accuracies
    are averaged over the classes that have rows (Xian et al., TPAMI 2019).

    Args:
        scores: ``(n, C)`` finite scores of the C classes, higher is better; or ``(n,)`` predicted classes,
            from 0. Labels alone give no curve and no AUSUC, and T1 only if no row of an unseen class is
            predicted as a seen one. Arrays of numpy or torch, or lists.
        labels: ``(n,)`` true classes, from 0. The test rows of seen and unseen classes, in any order.
        seen: ``(C,)`` bool, which classes are seen; or the numbers of the seen classes.
        class_names: C names, for ``per_class``; numbers by default.

    Raises:
        DataError: Shapes or types do not fit, a score is NaN or infinite, a class is out of range, or one
            side, seen or unseen, has no row.
    """
    given, truth = as_array(scores, "scores"), _check_labels(as_array(labels, "labels"), "labels")
    if given.ndim not in (1, 2) or len(given) != len(truth):
        what = f"scores have the shape {given.shape}, and there are {len(truth)} labels"
        fix = "give scores of the shape (n, C), or n predicted classes, for n labels"
        raise DataError(what, where="scores", fix=fix)
    predicted = _check_labels(given, "scores") if given.ndim == 1 else None
    mask = as_array(seen, "seen")
    if mask.dtype != np.bool_:
        ids = _check_labels(mask, "seen")
        if len(np.unique(ids)) < len(ids):  # [1, 1, 0]: a mask of integers would be read as two classes
            what = "a class is named twice among the numbers of the seen classes"
            raise DataError(what, where="seen", fix="name each once; a mask needs the type bool")
        counted = (ids, truth) if predicted is None else (ids, truth, predicted)
        count = max(int(classes.max(initial=-1)) + 1 for classes in counted)
        if predicted is not None and count > _MOST_CLASSES:
            what = f"class {count - 1} would make {count} classes"
            raise DataError(what, where="seen", fix="number the classes from 0, or give a mask of them")
        mask = np.zeros(given.shape[1] if predicted is None else count, np.bool_)
        check_range(ids, len(mask), "seen")
        mask[ids] = True
    names = [str(number) for number in range(len(mask))] if class_names is None else list(class_names)
    if mask.ndim != 1 or len(names) != len(mask) or (predicted is None and given.shape[1] != len(mask)):
        what = f"seen has the shape {mask.shape}, for scores of shape {given.shape} and {len(names)} names"
        raise DataError(what, where="seen", fix="give one value per class: True for a seen class")
    check_range(truth, len(mask), "labels")
    # Predictions have the rows of seen classes first.
    order = np.argsort(~mask[truth], kind="stable")
    if predicted is None:
        starts = range(0, len(given), CHUNK_ROWS)
        found = predictions_of_scores((given[start : start + CHUNK_ROWS] for start in starts), mask)
    else:
        found = predictions_of_labels(predicted, mask)
    return report_of(found.arrange(truth[order], order), names)


def report_of(predictions: Predictions, class_names: Sequence[str]) -> MetricsReport:
    """Return all that ``predictions`` allow to compute; ``class_names`` names the K candidates."""
    curve = seen_unseen_curve(predictions) if predictions.has_scores else None
    values, seen = metrics_of(predictions, curve), int(predictions.seen.sum())
    if line := find_chance(values.S, values.T1, seen, len(predictions.seen) - seen):
        warnings.warn(line, ChanceWarning, stacklevel=3)
    per_class = class_accuracies(predictions, class_names)
    return MetricsReport(**values.as_dict(), curve=curve, per_class=per_class, predictions=predictions)


@dataclass(frozen=True)
class GivenRows:
    """The highest scores of rows in the order in which they were given, see ``Predictions``."""

    best_seen: NDArray[np.int64]
    best_unseen: NDArray[np.int64]
    gap: NDArray[np.floating[Any]]
    seen: NDArray[np.bool_]

    def arrange(self, labels: NDArray[np.int64], order: NDArray[np.int64]) -> Predictions:
        """Return the predictions of the given rows ``order``; ``labels`` are their classes, seen first."""
        best_unseen = self.best_unseen[order]
        zsl = best_unseen[~self.seen[labels]]
        return Predictions(labels, self.best_seen[order], best_unseen, self.gap[order], zsl, self.seen)


def predictions_of_scores(
    blocks: Iterable[NDArray[Any]], seen: NDArray[np.bool_], columns: NDArray[np.int64] | None = None
) -> GivenRows:
    """Find the best class on each side, block by block of ``(m, C)`` scores.

    ``seen`` is ``(K,)``; ``columns`` are the K columns of the candidates, by default all.

    Raises:
        DataError: A score is NaN or infinite or no number, or all classes are on one side.
    """
    sides = np.flatnonzero(seen), np.flatnonzero(~seen)
    if not all(map(len, sides)):
        what = f"{len(sides[0])} classes are seen and {len(sides[1])} are not"
        raise DataError(what, where="seen", fix="give scores of the seen and of the unseen classes")
    parts, done = [], 0
    for block in blocks:
        scores = _check_scores(block, done)
        parts.append(_best_of_sides(scores if columns is None else scores[:, columns], *sides))
        done += len(block)
    if not parts:
        raise DataError("there are no rows", where="scores", fix="give the scores of all test rows")
    best_seen, best_unseen, gap = map(np.concatenate, zip(*parts, strict=True))
    return GivenRows(best_seen, best_unseen, gap, seen)


def predictions_of_labels(predicted: NDArray[np.int64], seen: NDArray[np.bool_]) -> GivenRows:
    """Return what is known of rows whose predicted classes ``(n,)`` are given.

    Raises:
        DataError: A class is out of range.
    """
    check_range(predicted, len(seen), "predicted classes")
    to_seen = seen[predicted]
    best_seen, best_unseen = (np.where(side, predicted, UNKNOWN_CLASS) for side in (to_seen, ~to_seen))
    return GivenRows(best_seen, best_unseen, np.where(to_seen, np.inf, -np.inf), seen)


def as_array(values: Any, what: str) -> NDArray[Any]:
    """Return an array of numpy or torch, or a list, as an array of numpy; torch is not imported.

    Raises:
        DataError: The values are no array.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            values = values.float() if "bfloat16" in str(values.dtype) else values  # numpy has no such type
            values = values.numpy()
        refuse_mask(values, what)
        return np.asanyarray(values)
    except (RuntimeError, TypeError, ValueError) as error:  # rows of different lengths, a sparse tensor
        fix = "give rows of equal length, as a dense array of real numbers"
        raise DataError(f"no array: {error}", where=what, fix=fix) from error


def check_range(classes: NDArray[np.int64], count: int, where: str) -> None:
    """Raise a DataError unless all ``classes`` are in 0..count-1."""
    wrong = np.flatnonzero((classes < 0) | (classes >= count))
    if len(wrong):
        what = f"class {classes[wrong[0]]} of entry {wrong[0]} does not exist ({len(wrong)} such entries)"
        raise DataError(what, where=where, fix=f"number the {count} classes from 0 to {count - 1}")


def _check_labels(labels: NDArray[Any], where: str) -> NDArray[np.int64]:
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        what = f"{where} have the shape {labels.shape} and the type {labels.dtype}"
        raise DataError(what, where=where, fix=_ONE_LABEL)
    return labels.astype(np.int64)


def _check_scores(block: NDArray[Any], done: int) -> NDArray[np.floating[Any]]:
    """Return a block as float32 or float64, after a check of its values; ``done`` rows are before it."""
    if block.dtype.kind not in "fiu":
        what = f"scores have the type {block.dtype}, not a type of real numbers"
        raise DataError(what, where="scores", fix="give them as float32 or float64")
    small = block.dtype in (np.float16, np.float32)
    scores: NDArray[np.floating[Any]] = np.asarray(block, np.float32 if small else np.float64)
    wrong = np.argwhere(~np.isfinite(scores))
    if len(wrong):
        row, column = wrong[0]
        what = f"the score of entry {done + row} and class {column} (both from 0) is {scores[row, column]}"
        raise DataError(what, where="scores", fix="give finite scores: NaN and infinity have no order")
    return scores


def _best_of_sides(
    scores: NDArray[np.floating[Any]], seen: NDArray[np.int64], unseen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating[Any]]]:
    """Return by row the best seen class, the best unseen one, and the difference of their scores."""
    best = [classes[scores[:, classes].argmax(axis=1)] for classes in (seen, unseen)]
    of_seen, of_unseen = (scores[np.arange(len(scores)), classes] for classes in best)
    limits = np.finfo(scores.dtype)
    with np.errstate(over="ignore"):
        gap = np.clip(of_seen - of_unseen, limits.min / 4, limits.max / 4)
    # Of equal scores the first class counts; the least negative gap says that it is the unseen one.
    gap[(of_seen == of_unseen) & (best[1] < best[0])] = -limits.tiny
    return best[0], best[1], gap


def _two_decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
