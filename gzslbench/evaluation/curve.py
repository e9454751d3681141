"""The seen-unseen curve by calibrated stacking (Chao et al., ECCV 2016), exact and per-class weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError

if TYPE_CHECKING:
    from gzslbench.evaluation.predictions import Predictions


class CurvePoint(NamedTuple):
    """Accuracies in percent when ``gamma`` is subtracted from the scores of the seen classes."""

    gamma: float
    S: float
    U: float
    H: float


@dataclass(frozen=True, eq=False)
class SeenUnseenCurve:
    """Per-class accuracies while the scores of the seen classes are lowered by a growing ``gamma``.

    The first point predicts only seen classes (U = 0), the last only unseen classes (S = 0); between
    them is one point for each gap at which a correct prediction is won or lost.

    Attributes:
        gamma: ``(m,)`` increasing, in the unit of the scores; the last is infinite.
        S: ``(m,)`` accuracy of the seen test rows, percent, never rising.
        U: ``(m,)`` accuracy of the unseen test rows, percent, never falling.
    """

    gamma: NDArray[np.float64]
    S: NDArray[np.float64]
    U: NDArray[np.float64]

    @property
    def area(self) -> float:
        """AUSUC: the area below S over U by the trapezoid rule, 0 to 100 percent of the unit square."""
        return float(np.sum(np.diff(self.U) * (self.S[1:] + self.S[:-1])) / 200)

    @property
    def best(self) -> CurvePoint:
        """The point of highest harmonic mean, the one of smallest gamma where several share it."""
        total = self.S + self.U
        H = np.divide(2 * self.S * self.U, total, out=np.zeros_like(total), where=total > 0)
        i = int(H.argmax())
        return CurvePoint(float(self.gamma[i]), float(self.S[i]), float(self.U[i]), float(H[i]))

    def position(self, gamma: float) -> int:
        """Return the index of the point that holds for ``gamma``: the first whose own gamma is not less."""
        return int(np.searchsorted(self.gamma, gamma))


def seen_unseen_curve(predictions: Predictions) -> SeenUnseenCurve:
    """Compute every point of the curve, from one sort of the gaps.

    A row goes to the seen classes while its gap is at least gamma, so only rows whose best class on one
    side is the true one matter. Each row weighs 1 / (rows of its class x classes with rows in its part).

    Raises:
        DataError: Only the predicted labels are known.
    """
    if not predictions.has_scores:
        fix = "give the scores of all classes instead, one row for each test image"
        raise DataError("predicted labels alone have no seen-unseen curve", fix=fix)
    labels, seen = predictions.labels, predictions.seen
    is_seen = seen[labels]
    correct = np.where(is_seen, predictions.best_seen, predictions.best_unseen) == labels
    rows = np.bincount(labels, minlength=len(seen))
    tested = np.array([np.sum(~seen & (rows > 0)), np.sum(seen & (rows > 0))])
    # The percent that each row, if right, adds to the per-class accuracy of its part.
    weight = (100.0 / (rows[labels] * tested[is_seen.astype(int)]))[correct]
    gap, is_seen = predictions.gap[correct].astype(np.float64), is_seen[correct]

    order = np.argsort(gap, kind="stable")
    gap, weight, is_seen = gap[order], weight[order], is_seen[order]
    lost = np.append(np.cumsum(np.where(is_seen, weight, 0)[::-1])[::-1], 0.0)
    won = np.append(0.0, np.cumsum(np.where(is_seen, 0, weight)))
    # Rows of equal gap change sides at once: there is a point before the first of them,
    # and one after the last row.
    points = np.append(np.flatnonzero(np.diff(gap, prepend=-np.inf)), len(gap))
    return SeenUnseenCurve(
        gamma=np.append(gap, np.inf)[points],
        S=np.minimum(lost[points], 100.0),
        U=np.minimum(won[points], 100.0),
    )
