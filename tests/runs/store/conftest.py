from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import Record, RunInfo, RunMetrics
from gzslbench.runs.store import Store

MakeRecord = Callable[..., Record]


@pytest.fixture
def make_record() -> MakeRecord:
    def make(**changes: object) -> Record:
        metrics = RunMetrics(U=40.0, S=60.0, H=48.0, T1=55.5, AUSUC=30.25, epoch=12, head_epoch=25)
        task = "digits/pixels/strokes/fixed-1-2"
        values: dict[str, Any] = {
            "id": "ce-gzsl-digits-s1-0123456789",
            "status": "complete",
            "cell": Cell("ce-gzsl", 1, "digits", task, "minmax", {"lr": 1e-4}, 1),
            "task": TaskInfo(task, "digits", "pixels", "strokes"),
            "setting": "inductive",
            "selection": "last",
            "metrics": {"last": metrics, "test-peek": replace(metrics, H=50.0)},
            "parameters": 12,
            "run": RunInfo(seconds_train=3.5),
        }
        return Record(**{**values, **changes})

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")
