from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gzslbench.cli import main
from gzslbench.data.catalogue import catalogue
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import Record, RunInfo, RunMetrics
from gzslbench.runs.store import Store

METRICS = RunMetrics(U=40.0, S=60.0, H=48.0, T1=55.5, AUSUC=30.25, epoch=12, head_epoch=25)
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
    task = "CUB/res101/sent/ps-1234-5678"
    cell = Cell("ce-gzsl", 1, "CUB", task, "minmax", {"lr": 1e-4}, 7)
    return Record(
        id=cell.id,
        status="complete",
        cell=cell,
        task=TaskInfo(
            task,
            "CUB",
            "res101",
            "sent",
            notes=["rows of test_seen are in [val_loc]"],
            files={"res101.mat": "ab" * 32},
        ),
        setting="inductive",
        selection="last",
        metrics={"last": METRICS, "test-peek": replace(METRICS, H=50.0), "test-peek-inner": METRICS},
        parameters=12345,
        run=RunInfo(
            seconds_train=3.5,
            torch="2.13.0",
            command=[
                "/venv/bin/gzslbench",
                "run",
                "--dataset",
                "CUB",
                "--seed",
                "1",
                "--seed=7",
                "--resume",
            ],
        ),
    )


@pytest.fixture
def store(tmp_path: Path, record: Record) -> Store:
    """The store of the empty folder, with one run."""
    store = Store(tmp_path / "results")
    folder = store.run(record.id)
    with folder.lock():
        folder.write_record(record)
    return store


def run_of(method, seed, H, dataset="AWA2", features="res101", **params) -> Record:
    """A finished run on published data, all metrics ``H``, its parameters the preset's but for ``params``."""
    spec = plugins().method(method)
    values = {**preset(spec, dataset, "att").values, **params}
    task = f"{dataset}/{features}/att/ps-1-2"
    metrics = RunMetrics(U=H, S=H, H=H, T1=H, AUSUC=H, epoch=3, head_epoch=1)
    cell = Cell(
        method=method,
        method_version=1,
        dataset=dataset,
        task=task,
        preprocessing=spec.preprocessing,
        params=build(spec.params, values, "test").as_dict(),
        seed=seed,
    )
    run = RunInfo(started="2026-01-01", seconds_train=60.0, seconds_evaluate=0.0, peak_memory_bytes=2**20)
    return Record(
        id=f"{method}-{dataset}-s{seed}-{H}",
        status="complete",
        cell=cell,
        task=TaskInfo(
            task,
            dataset,
            features,
            "att",
            split_fingerprint=next(iter(catalogue()[dataset].expected.fingerprints.values())),
            feature_dimension=2048,
        ),
        setting="inductive",
        selection="last",
        metrics={"last": metrics, "test-peek": replace(metrics, H=H + 1)},
        parameters=7,
        run=run,
    )


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Keeps a run like ``run_of`` in the folder that ``results`` names."""

    def kept(*arguments, **settings) -> Path:
        made = run_of(*arguments, **settings)
        folder = Store(tmp_path / "results").run(made.id)
        folder.path.mkdir(parents=True)
        folder.write_record(made)
        return folder.path

    return kept


@pytest.fixture
def results(tmp_path: Path, keep) -> Path:
    """Three seeds each of CE-GZSL, at 72, 74 and 76, and f-CLSWGAN, at 61, 62 and 63."""
    for seed in (1, 2, 3):
        keep("ce-gzsl", seed, 70.0 + 2 * seed)
        keep("f-clswgan", seed, 60.0 + seed)
    return tmp_path / "results"
