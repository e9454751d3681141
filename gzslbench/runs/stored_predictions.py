"""A run's predictions, held against its record."""

from __future__ import annotations

import warnings

from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, load_predictions
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import RunFolder

# Percent. On one machine the numbers are equal to the bit; another may round its sums otherwise.
TOLERANCE = 1e-6


class PredictionsWarning(UserWarning):
    """The predictions on disk do not bear out the record beside them."""


def predictions_of(record: Record, folder: RunFolder) -> Predictions:
    """The predictions of a run; a PredictionsWarning where its headline is not what they come to.

    Raises:
        StoreError: There are none, they are damaged, or they have another number of classes than the record.
    """
    file = folder.predictions_file
    if record.headline is None:
        raise StoreError(
            f"run {record.id} diverged: it has no predictions",
            where=folder.path,
            fix=f"see what happened: gzslbench show {record.id}",
        )
    predictions = load_predictions(file)
    named, predicted = len(record.task.class_names or ()), len(predictions.seen)
    if named != predicted:
        raise StoreError(
            f"the predictions are over {predicted} classes, the record names {named}",
            where=file,
            fix="put the run's own predictions.npz back, or repeat the run with --rerun",
        )
    differing = differences(record, predictions)
    if differing:
        numbers = ", ".join(
            f"{name} {kept:.4f} against {again:.4f}" for name, (kept, again) in differing.items()
        )
        _warn(
            f"the record's metrics are not those of its predictions (record against predictions): {numbers}"
        )
    return predictions


def check_predictions(record: Record, folder: RunFolder) -> None:
    """Warn (PredictionsWarning) where there are predictions that do not bear out the record."""
    if record.headline is None or not folder.predictions_file.exists():
        return
    try:
        predictions_of(record, folder)
    except GzslBenchError as error:
        _warn(str(error))


def differences(record: Record, predictions: Predictions) -> dict[str, tuple[float, float]]:
    """By metric, the record's headline and the number recomputed, in percent, where the two differ."""
    if record.headline is None:
        return {}
    kept, again = record.headline.percentages(), metrics_of(predictions).as_dict()
    return {
        name: (kept[name], again[name]) for name in PERCENTAGES if abs(kept[name] - again[name]) > TOLERANCE
    }


def _warn(what: str) -> None:
    warnings.warn(what, PredictionsWarning, stacklevel=3)
