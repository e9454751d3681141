"""What one evaluation of a model gives."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.predictions import Predictions


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
