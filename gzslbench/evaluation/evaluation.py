"""What one evaluation of a model gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.evaluation.metrics import Metrics


@dataclass(frozen=True)
class Predictions:
    """Enough, for each test row, to recompute every metric; classes are positions among the candidates.

    The rows are those of test_seen, then those of test_unseen.

    Attributes:
        labels: ``(n,)`` true class.
        best_seen: ``(n,)`` the seen class of highest score.
        best_unseen: ``(n,)`` the unseen class of highest score.
        gap: ``(n,)`` float32, highest seen minus highest unseen score; the prediction is ``best_seen``
            where it is positive or zero, else ``best_unseen``.
        zsl: ``(n_u,)`` the class predicted for each test_unseen row with unseen candidates only.
        seen: ``(K,)`` bool, which candidates are seen.
    """

    labels: NDArray[np.int64]
    best_seen: NDArray[np.int64]
    best_unseen: NDArray[np.int64]
    gap: NDArray[np.float32]
    zsl: NDArray[np.int64]
    seen: NDArray[np.bool_]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """``(n,)`` the class predicted with all classes as candidates."""
        return np.where(self.gap >= 0, self.best_seen, self.best_unseen)


@dataclass(frozen=True)
class Evaluation:
    """A model after ``epoch`` epochs of its last stage.

    Attributes:
        epoch: Completed epochs.
        trace: Metrics after each epoch of the head; a single entry for scoring methods.
        predictions: Of the last entry of ``trace``.
    """

    epoch: int
    trace: tuple[Metrics, ...]
    predictions: Predictions
