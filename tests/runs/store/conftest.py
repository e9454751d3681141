from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gzslbench.runs.record import Record
from gzslbench.runs.store import Store

MakeRecord = Callable[..., Record]


@pytest.fixture
def make_record() -> MakeRecord:
    def make(**changes: object) -> Record:
        metrics = {"U": 40.0, "S": 60.0, "H": 48.0, "T1": 55.5, "AUSUC": 30.25, "epoch": 12, "head_epoch": 25}
        values: dict[str, object] = {
            "id": "ce-gzsl-digits-s1-0123456789",
            "status": "complete",
            "cell": {"method": "ce-gzsl", "dataset": "digits", "seed": 1, "params": {"lr": 1e-4}},
            "task": {"id": "digits/pixels/strokes/fixed-1-2", "dataset": "digits"},
            "setting": "inductive",
            "selection": "last",
            "metrics": {"last": metrics, "test-peek": {**metrics, "H": 50.0}},
            "parameters": 12,
            "run": {"seconds": 3.5},
        }
        return Record(**{**values, **changes})

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")
