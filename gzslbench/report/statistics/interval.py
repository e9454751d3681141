"""How far off a mean may be."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: Of the values.
        std: Standard deviation over the seeds, with n - 1 in the denominator; None for one seed.
        interval: Within which the mean over all seeds lies, at the confidence asked for; None for one seed.
        n: Seeds.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None
    n: int


def student_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Student's interval of the mean, which supposes that seeds scatter normally.

    Args:
        values: One a seed, at least two.
        confidence: In (0, 1).
    """
    from scipy.special import stdtrit  # scipy.stats takes most of a second to import

    mean, n = statistics.fmean(values), len(values)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * statistics.stdev(values) / n**0.5
    return mean - half, mean + half


def bootstrap_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, resamples: int = 9999, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval of the mean over resampled ``values``, which supposes no distribution.

    It is too narrow for a handful of values (Efron & Tibshirani 1993).

    Args:
        values: At least two.
        confidence: In (0, 1).
        resamples: How often they are drawn anew.
        seed: Of the draws.
    """
    from scipy.stats import bootstrap

    sample: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    found = bootstrap(
        (sample,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Interval:
    """How an interval of a mean is found.

    Attributes:
        words: What it is.
        of: From values, at least two, to its ends.
    """

    words: str
    of: Callable[[Sequence[float]], tuple[float, float]]


STUDENT = Interval("Student's 95 % interval of the mean", student_interval)
BOOTSTRAP = Interval(
    "95 % of the means of resampled seeds, which is too narrow for a handful of them", bootstrap_interval
)


def estimate(values: Sequence[float], interval: Interval = STUDENT) -> Estimate:
    """The mean of ``values``, one a seed and at least one, with its spread and ``interval``."""
    mean, n = statistics.fmean(values), len(values)
    if n == 1:
        return Estimate(mean, None, None, 1)
    return Estimate(mean, statistics.stdev(values), interval.of(values), n)
