"""Calibrated stacking (Chao et al., ECCV 2016): the scores of seen classes are lowered by ``gamma``.

Gamma is chosen on validation classes, which are seen classes, and used with another model: the one that is
trained on all of trainval. There the scores can have another scale. So gamma is passed on in one of two ways:
as it is, or as a quantile of the gaps of the training rows. The gap of a row is its highest score of a seen
class minus its highest score of an unseen class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gzslbench.evaluation.curve import CurvePoint
from gzslbench.evaluation.metrics import Metrics, harmonic_mean, per_class_accuracy
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.selection import TRANSFERS, GammaChoice, Transfer


class Bias(NamedTuple):
    """Rows given to a class of the other side, in percent of the rows of their own side."""

    unseen_to_seen: float
    seen_to_unseen: float


def choose_gamma(best: CurvePoint, training_gaps: NDArray[np.float32]) -> GammaChoice:
    """Return the choice at the best point of a validation curve.

    Args:
        best: The point of highest H of the seen-unseen curve of the validation classes.
        training_gaps: ``(n,)`` gaps of the rows that the model was trained on.
    """
    gamma = finite_gamma(best)
    return GammaChoice(gamma, float(np.mean(training_gaps < gamma)), best.H)


def finite_gamma(best: CurvePoint) -> float:
    """Return gamma at a point of a curve; 0 for the only point of a curve on which no row is ever right."""
    return best.gamma if np.isfinite(best.gamma) else 0.0


def transfer_gamma(
    choices: Sequence[GammaChoice], training_gaps: NDArray[np.float32]
) -> dict[Transfer, float]:
    """Return gamma for another model by each way of passing it on, averaged over the validation splits.

    The results are float32 numbers, because the gaps are: then comparing a gap with gamma is exact.

    Args:
        choices: One for each validation split.
        training_gaps: ``(n,)`` gaps of the rows that the other model was trained on; no test row is needed.
    """
    quantile = float(np.mean([choice.quantile for choice in choices]))
    found = {
        "gamma": float(np.mean([choice.gamma for choice in choices])),
        "quantile": float(np.quantile(training_gaps.astype(np.float64), quantile)),
    }
    return {transfer: float(np.float32(found[transfer])) for transfer in TRANSFERS}


def calibrate(predictions: Predictions, gamma: float | None) -> Predictions:
    """Return the predictions after ``gamma`` was subtracted from the scores of the seen classes.

    None, the gamma of a run that is not calibrated, changes nothing.
    """
    return predictions if gamma is None else replace(predictions, gap=predictions.gap - np.float32(gamma))


def calibrated_metrics(metrics: Metrics, predictions: Predictions, gamma: float) -> Metrics:
    """Return the metrics at ``gamma``; T1 and AUSUC do not depend on it, and stay those of ``metrics``."""
    predicted, seen = calibrate(predictions, gamma).predicted, predictions.seen
    U = per_class_accuracy(predicted, predictions.labels, np.flatnonzero(~seen))
    S = per_class_accuracy(predicted, predictions.labels, np.flatnonzero(seen))
    return replace(metrics, U=U, S=S, H=harmonic_mean(U, S))


def bias_of(predictions: Predictions) -> Bias:
    """Return the share of unseen test rows that are given to seen classes, and the reverse."""
    of_seen, to_seen = predictions.seen[predictions.labels], predictions.seen[predictions.predicted]
    return Bias(100 * float(np.mean(to_seen[~of_seen])), 100 * float(np.mean(~to_seen[of_seen])))
