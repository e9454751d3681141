from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gzslbench.cli import main
from gzslbench.results.record import Record
from gzslbench.results.store import Store

METRICS = {"U": 40.0, "S": 60.0, "H": 48.0, "T1": 55.5, "AUSUC": 30.25, "epoch": 12, "head_epoch": 25}
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch) -> Invoke:
    """Call the command line from an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return call


@pytest.fixture
def record() -> Record:
    return Record(
        id="ce-gzsl-CUB-s7-0123456789",
        status="complete",
        cell={"method": "ce-gzsl", "dataset": "CUB", "seed": 7, "select": "last", "params": {"lr": 1e-4}},
        task={
            "id": "CUB/res101/sent/ps-1234-5678",
            "dataset": "CUB",
            "notes": ["rows of test_seen are in [val_loc]"],
            "files": {"res101.mat": "ab" * 32},
        },
        setting="inductive",
        selection="last",
        metrics={"last": METRICS, "test-peek": {**METRICS, "H": 50.0}, "test-peek-inner": METRICS},
        parameters=12345,
        run={
            "seconds": 3.5,
            "torch": "2.13.0",
            "command": [
                "/venv/bin/gzslbench",
                "run",
                "--dataset",
                "CUB",
                "--seed",
                "1",
                "--seed=7",
                "--resume",
            ],
        },
    )


@pytest.fixture
def store(tmp_path: Path, record: Record) -> Store:
    """The store of the empty folder, with one run."""
    store = Store(tmp_path / "results")
    folder = store.run(record.id)
    with folder.lock():
        folder.write_record(record)
    return store
