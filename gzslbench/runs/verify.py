"""Check that the record of a run agrees with itself and with the predictions next to it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.calibration import Bias, bias_of, calibrate, calibrated_metrics
from gzslbench.evaluation.metrics import Metrics, harmonic_mean, metrics_of
from gzslbench.evaluation.predictions import Predictions, fingerprint, load_predictions
from gzslbench.files import reading, sha256_of, writing
from gzslbench.runs.cell import PROTOCOL
from gzslbench.runs.record import BIAS, PEEK_GAMMA, PERCENTAGES, Record
from gzslbench.runs.store import RunFolder

QUARANTINE = "quarantine"
# In percent. On one machine the numbers are equal to the bit; another machine may round sums differently.
TOLERANCE = 1e-6


class PredictionsWarning(UserWarning):
    """The predictions of a run do not give the numbers of its record."""


def find_problems(folder: RunFolder) -> list[str]:
    """Return a sentence for each inconsistency of a run, for example a number edited by hand."""
    try:
        record = folder.record()
    except GzslBenchError as error:
        return [error.what]
    if record is None:
        return ["there is no record: the run has not ended"]
    problems: list[str] = []
    try:
        problems.extend(_problems(record, folder))
    except GzslBenchError as error:
        problems.append(error.what)
    except Exception as error:  # a record from elsewhere, in a way that nobody thought of
        problems.append(f"it cannot be checked: {type(error).__name__}: {error}")
    return problems


def quarantine(folder: RunFolder) -> Path:
    """Move a run into the folder ``quarantine`` of its store, where no command sees it; return its new path.

    Raises:
        StoreError: A process works on the run, or the folder cannot be moved; or the system refuses to read
            it now, which says nothing of the run.
    """
    with reading(folder.path, StoreError):
        for file in (folder.record_file, folder.predictions_file, folder.metrics_file):
            if file.is_file():
                file.read_bytes()
    place = folder.path.parent / QUARANTINE
    with folder.lock(), writing(folder.path, "the run cannot be moved"):
        place.mkdir(exist_ok=True)
        names = (f"{folder.id}-{number}" if number else folder.id for number in count())
        target = next(place / name for name in names if not (place / name).exists())
        folder.path.rename(target)
    return target


def _problems(record: Record, folder: RunFolder) -> Iterator[str]:
    if not 1 <= record.cell.protocol <= PROTOCOL:
        yield f"it is of protocol {record.cell.protocol}, and this gzslbench knows protocols 1 to {PROTOCOL}"
        return
    # The cells of another protocol may have had other fields, so this version cannot compute their ids.
    if record.cell.protocol == PROTOCOL and record.id != record.cell.id:
        yield f"its settings are those of run {record.cell.id}"
    elif record.other_task is not None:
        yield record.other_task
    code, file = record.cell.code, folder.code_file
    if code is not None and (not file.is_file() or sha256_of(file) != code):
        yield f"{file.name} is not the code of its method, which is in no package"
    # The mean of several H is not the harmonic mean of the mean U and S.
    averaged = (record.selection, record.reported, PEEK_GAMMA) if record.repeats else ()
    checked: dict[str, Metrics] = {
        rule: found for rule, found in record.metrics.items() if rule not in averaged
    }
    calibrated = None if record.calibration is None else record.calibration.repeats
    for name, repeats in (("evaluation", record.repeats), ("calibrated evaluation", calibrated)):
        checked |= {f"{name} {number}": one for number, one in enumerate(repeats or (), start=1)}
    for rule, metrics in checked.items():
        expected = harmonic_mean(metrics.U, metrics.S)
        if abs(metrics.H - expected) > TOLERANCE:
            yield f"by {rule} H is {metrics.H:.4f}, and the harmonic mean of its U and S {expected:.4f}"
    if record.headline is None:
        return
    predictions = load_predictions(folder.predictions_file)
    for name, (stored, computed) in compare_predictions(record, predictions).items():
        yield f"by {name} is {_shown(stored)}, and its predictions give {_shown(computed)}"
    external = record.cell.external
    if external is not None and external.predictions != fingerprint(predictions):
        yield "its predictions are not those that were evaluated"


def read_predictions(record: Record, folder: RunFolder) -> Predictions:
    """Read the predictions of a run; a PredictionsWarning if they do not give its headline."""
    file = folder.predictions_file
    if record.headline is None:
        fix = f"see what happened: gzslbench show {record.id}"
        raise StoreError(f"run {record.id} diverged: it has no predictions", where=folder.path, fix=fix)
    predictions = load_predictions(file)
    named, predicted = len(record.task.class_names or ()), len(predictions.seen)
    if named != predicted:
        what = f"the predictions are over {predicted} classes, the record names {named}"
        fix = "put the run's own predictions.npz back, or repeat the run with --rerun"
        raise StoreError(what, where=file, fix=fix)
    differing = compare_predictions(record, predictions).items()
    if differing:
        numbers = ", ".join(f"{name} {_shown(old)} against {_shown(new)}" for name, (old, new) in differing)
        what = f"the record's metrics are not those of its predictions: {numbers}"
        warnings.warn(what, PredictionsWarning, stacklevel=2)
    return predictions


def check_predictions(record: Record, folder: RunFolder) -> None:
    """Warn (PredictionsWarning) if there are predictions that do not give the numbers of the record."""
    if record.headline is None or not folder.predictions_file.exists():
        return
    try:
        read_predictions(record, folder)
    except GzslBenchError as error:
        warnings.warn(str(error), PredictionsWarning, stacklevel=2)


def compare_predictions(
    record: Record, predictions: Predictions
) -> dict[str, tuple[float | None, float | None]]:
    """Return the metrics that differ, by rule and name: the record's and the recomputed one, in percent."""
    plain = metrics_of(predictions)
    computed: dict[str, Metrics] = {record.selection: plain}
    biases: dict[str, Bias] = {record.selection: bias_of(predictions)}
    if record.calibration is not None and record.headline is not None:
        gamma = record.headline.gamma or 0.0
        computed[record.reported] = calibrated_metrics(plain, predictions, gamma)
        biases[record.reported] = bias_of(calibrate(predictions, gamma))
    pairs = {
        f"{rule} {name}": (getattr(stored, name), computed[rule].as_dict()[name])
        for rule, stored in record.predicted.items()
        for name in PERCENTAGES
    }
    for rule in biases.keys() & record.metrics.keys():
        stored = {name: getattr(record.metrics[rule], name) for name in BIAS}
        known = [name for name in BIAS if stored[name] is not None]
        pairs |= {f"{rule} {name}": (stored[name], getattr(biases[rule], name)) for name in known}
    return {name: pair for name, pair in pairs.items() if _differ(*pair)}


def _differ(stored: float | None, computed: float | None) -> bool:
    if stored is None or computed is None:
        return stored is not computed
    return abs(stored - computed) > TOLERANCE


def _shown(number: float | None) -> str:
    return "not known" if number is None else f"{number:.4f}"
