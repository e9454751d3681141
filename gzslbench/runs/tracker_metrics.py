"""The names that trackers get a run's numbers by.

An evaluation's name tells on which classes it was made. A curve over epochs on the test set is one to look
at and not to choose by: whoever takes its best epoch peeks at the test set, and so its name says ``peek``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gzslbench.runs.record import EPOCHS, PERCENTAGES, Record, RunMetrics

TEST_BY_EPOCH = "test-peek-by-epoch"
TEST_ONCE = "test-once"
VALIDATION_BY_EPOCH = "validation-by-epoch"
COSTS = ("seconds_train", "seconds_evaluate", "peak_memory_bytes")


def numbers_of_epoch(line: Mapping[str, Any], selection: str) -> dict[str, float]:
    """The losses of an epoch, ``loss/STAGE/TERM``, and where it was evaluated the metrics, in percent.

    Args:
        line: Of metrics.jsonl.
        selection: The run's rule; under ``val`` the final leg is evaluated once.
    """
    final = line["leg"] == "final"
    loss = "loss" if final else f"{line['leg']}-leg/loss"
    test = TEST_ONCE if selection == "val" else TEST_BY_EPOCH
    evaluated = test if final else VALIDATION_BY_EPOCH
    losses = {f"{loss}/{line['stage']}/{term}": value for term, value in line["losses"].items()}
    return {**losses, **{f"{evaluated}/{name}": value for name, value in line.get("metrics", {}).items()}}


def numbers_of_record(record: Record) -> dict[str, float]:
    """The final numbers: ``result/RULE/METRIC`` with the epochs they are of, and what the run cost."""
    tables: dict[str, RunMetrics] = {f"result/{rule}": numbers for rule, numbers in record.metrics.items()}
    if record.validation is not None:
        tables["chosen-on-validation"] = record.validation
    numbers = {
        f"{table}/{name}": getattr(values, name)
        for table, values in tables.items()
        for name in (*PERCENTAGES, *EPOCHS)
    }
    costs = {f"cost/{name}": getattr(record.run, name) for name in COSTS}
    costs["cost/parameters"] = record.parameters
    return numbers | {name: value for name, value in costs.items() if value is not None}
