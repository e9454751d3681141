"""How far the choice of test classes moves the metrics: intervals and paired tests by bootstrap over classes.

A resample draws unseen and seen classes with repetition; the candidates stay. U, S and T1 are weighted means
of class accuracies. AUSUC by the trapezoid rule is bilinear in the weights: ``w_unseen' A w_seen``, with
``A[i, j]`` the area under the curve of one unseen against one seen class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.evaluation.predictions import Predictions

RESAMPLES = 2000
LEVEL = 0.95
MIN_CLASSES = 6
"""Classes that an interval or a test needs on each side that its metric is about."""
_EQUAL = 1e-9
"""Shares that differ by less are equal."""
_SIDES = {"U": (0,), "S": (1,), "H": (0, 1), "T1": (0,), "AUSUC": (0, 1)}
"""By metric, the classes it is about: 0 for unseen ones, 1 for seen ones."""
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassShares:
    """What the metrics of one or several seeds are computed from when classes are weighted; shares, 0 to 1.

    Attributes:
        U: ``(seeds, unseen)`` accuracy of each unseen class with test rows, all classes as candidates.
        S: ``(seeds, seen)`` the same of the seen classes with test rows.
        T1: ``(seeds, unseen)`` with unseen candidates only.
        area: ``(unseen, seen)`` area under the curve of each pair of classes, mean over the seeds.
    """

    U: _Array
    S: _Array
    T1: _Array
    area: _Array

    def metric(self, name: str, unseen: _Array, seen: _Array) -> _Array:
        """Return ``(B,)`` values of a metric, mean over the seeds, under ``B`` weightings of the classes.

        Args:
            name: U, S, H, T1 or AUSUC.
            unseen: ``(B, unseen)`` or ``(1, unseen)``; the weights of a row sum to 1.
            seen: ``(B, seen)`` or ``(1, seen)``.
        """
        if name == "AUSUC":
            values: _Array = np.sum((unseen @ self.area) * seen, axis=1)
        elif name == "H":
            U, S = unseen @ self.U.T, seen @ self.S.T  # (B, seeds)
            values = np.mean(2 * U * S / np.maximum(U + S, _EQUAL), axis=1)
        else:
            weights, shares = (seen, self.S) if name == "S" else (unseen, getattr(self, name))
            values = weights @ shares.mean(axis=0)
        return values


class Uncertainty(NamedTuple):
    """A metric, or a difference of two, as a share, and what the choice of classes contributes to it.

    ``degrees`` are the degrees of freedom of Student's distribution for ``value / error``.
    """

    value: float
    error: float
    degrees: float

    @property
    def probability(self) -> float:
        """The two-sided probability that chance gives a value as large as this one if the true one is 0."""
        from scipy.special import stdtr

        if self.error < _EQUAL:
            return 1.0 if abs(self.value) < _EQUAL else 0.0
        return 2 * float(stdtr(self.degrees, -abs(self.value) / self.error))


def class_shares(predictions: Predictions) -> ClassShares:
    """Return the shares of one run; for a calibrated one pass what ``calibrate`` returns."""
    labels, seen, gap = predictions.labels, predictions.seen, predictions.gap
    rows = np.bincount(labels, minlength=len(seen))
    unseen_classes, seen_classes = (np.flatnonzero(side & (rows > 0)) for side in (~seen, seen))
    shares = np.bincount(labels[predictions.predicted == labels], minlength=len(seen)) / np.maximum(rows, 1)
    of_unseen = labels[~seen[labels]]
    zsl = np.bincount(of_unseen[predictions.zsl == of_unseen], minlength=len(seen)) / np.maximum(rows, 1)
    # What predicted labels alone do not tell is NaN, so that it gets no interval.
    zsl[~seen] += 0.0 if (predictions.zsl >= 0).all() else np.nan
    won = predictions.best_unseen == labels
    gaps, classes = gap[won], np.searchsorted(unseen_classes, labels[won])
    area = np.empty((len(unseen_classes), len(seen_classes)))
    for j, label in enumerate(seen_classes):
        # A pair of rows counts if gamma reaches the gap of the unseen row first, and half if both at once.
        kept = np.sort(gap[(labels == label) & (predictions.best_seen == label)])
        later = len(kept) - (np.searchsorted(kept, gaps) + np.searchsorted(kept, gaps, "right")) / 2
        area[:, j] = np.bincount(classes, later, len(unseen_classes)) / rows[label]
    area += 0.0 if predictions.has_scores else np.nan
    return ClassShares(
        U=shares[None, unseen_classes],
        S=shares[None, seen_classes],
        T1=zsl[None, unseen_classes],
        area=area / rows[unseen_classes, None],
    )


def join_seeds(runs: Sequence[ClassShares]) -> ClassShares:
    """Return the shares of several seeds of one method as one, so that an interval is about their mean.

    Raises:
        DataError: The runs are tested on different numbers of classes.
    """
    if len({run.area.shape for run in runs}) != 1:
        raise DataError("the seeds are tested on different classes", fix="compare runs of one task")
    U, S, T1 = (np.concatenate([getattr(run, name) for run in runs]) for name in ("U", "S", "T1"))
    return ClassShares(U, S, T1, np.mean([run.area for run in runs], axis=0))


def class_intervals(shares: ClassShares) -> dict[str, tuple[float, float] | None]:
    """Return by metric the 95 % interval over classes, in percent, within 0 to 100.

    It is Student's interval on the scale of the logit, with the standard error of the bootstrap. Unlike that
    of percentiles or bootstrap-t it covers 95 % even with ten classes, see docs/uncertainty.md. None with
    fewer than MIN_CLASSES classes on a side that the metric is about, or if all its classes are alike.
    """
    from scipy.special import expit, logit, stdtrit

    intervals: dict[str, tuple[float, float] | None] = {}
    for name in _SIDES:
        found = _bootstrap(name, shares)
        intervals[name] = None
        if found is not None and found.error > _EQUAL:
            half = stdtrit(found.degrees, (1 + LEVEL) / 2) * found.error / (found.value * (1 - found.value))
            low, high = 100 * expit(logit(found.value) + np.array([-half, half]))
            intervals[name] = float(low), float(high)
    return intervals


def compare_over_classes(one: ClassShares, other: ClassShares, metric: str) -> Uncertainty | None:
    """Return ``one`` minus ``other`` by the paired bootstrap: a resample has the same classes for both.

    None with fewer than MIN_CLASSES classes on a side that the metric is about.

    Raises:
        DataError: The two are tested on different numbers of classes.
    """
    if one.area.shape != other.area.shape:
        raise DataError("the methods are tested on different classes", fix="compare runs of one task")
    return _bootstrap(metric, one, other)


def _bootstrap(metric: str, shares: ClassShares, less: ClassShares | None = None) -> Uncertainty | None:
    sizes = shares.area.shape
    if any(sizes[side] < MIN_CLASSES for side in _SIDES[metric]):
        return None

    def values(unseen: _Array, seen: _Array) -> _Array:
        found = shares.metric(metric, unseen, seen)
        return found if less is None else found - less.metric(metric, unseen, seen)

    all_unseen, all_seen = (np.full((1, count), 1 / count) for count in sizes)
    unseen, seen = map(_draw, range(2), sizes)
    # Satterthwaite's degrees of freedom, from the variances that each side alone contributes.
    alone = values(unseen, all_seen), values(all_unseen, seen)
    variances = [(float(np.var(alone[side])), sizes[side] - 1) for side in _SIDES[metric]]
    squares = sum(variance**2 / count for variance, count in variances)
    total = sum(variance for variance, _ in variances)
    degrees = total**2 / squares if squares > 0 else min(count for _, count in variances)
    value, error = values(all_unseen, all_seen)[0], np.std(values(unseen, seen))
    return Uncertainty(float(value), float(error), float(degrees))


@lru_cache(maxsize=4)
def _draw(side: int, classes: int) -> _Array:
    """Return ``(RESAMPLES, classes)`` weights of resamples of a side, always the same.

    A resample has one class fewer than there are, which makes the variance of a mean unbiased (Rao and Wu,
    JASA 1988).
    """
    random = np.random.default_rng((side, classes))
    drawn = max(1, classes - 1)
    return random.multinomial(drawn, np.full(classes, 1 / classes), RESAMPLES) / drawn
