"""What is wrong with a stored run, as far as its own files tell."""

from __future__ import annotations

from collections.abc import Iterator

from gzslbench.errors import GzslBenchError
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.runs.cell import PROTOCOL
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.stored_predictions import TOLERANCE, differences


def complaints(folder: RunFolder) -> list[str]:
    """What does not hold together, a sentence each; nothing where all does.

    The record must be one, its id that of its cell, H the harmonic mean of U and S by every rule, and the
    headline what the predictions come to. Numbers that were edited by hand show here.
    """
    try:
        record = folder.record()
    except GzslBenchError as error:
        return [error.what]
    if record is None:
        return ["there is no record: the run has not ended"]
    return [*_of_cell(record), *_of_metrics(record), *_of_predictions(record, folder)]


def _of_cell(record: Record) -> Iterator[str]:
    """Its id, where this version can tell what it should be."""
    if record.cell.protocol != PROTOCOL:
        return
    if record.id != record.cell.id:
        yield f"its settings are those of run {record.cell.id}"


def _of_metrics(record: Record) -> Iterator[str]:
    for rule, metrics in record.metrics.items():
        U, S, H = metrics.U, metrics.S, metrics.H
        harmonic = 2 * U * S / (U + S) if U + S else 0.0
        if abs(H - harmonic) > TOLERANCE:
            yield f"by {rule} H is {H:.4f}, and the harmonic mean of its U and S {harmonic:.4f}"


def _of_predictions(record: Record, folder: RunFolder) -> Iterator[str]:
    if record.headline is None:
        return
    try:
        predictions = load_predictions(folder.predictions_file)
    except GzslBenchError as error:
        yield error.what
        return
    for name, (kept, again) in differences(record, predictions).items():
        yield f"by {record.selection} {name} is {kept:.4f}, and its predictions come to {again:.4f}"
