"""Runs of two stages and a second or two, tracked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gzslbench.cli import main
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.store import Store
from gzslbench.training.interruption import Interruption
from gzslbench.training.optimization import PhaseOptimizer

SETTINGS = ("batch_size=256", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=2", "head_epochs=3")
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No tracker but those that a test asks for, none of the user's settings, no network."""
    for name in ("GZSLBENCH_TRACK", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "wandb-data"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "wandb-cache"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def run(results: Path) -> Run:
    """``gzslbench run`` of f-CLSWGAN on digits: three epochs of a classifier, then six of the game."""

    def invoke(*extra: str, results: Path = results) -> Result:
        shared = ["--method", "f-clswgan", "--dataset", "digits", "--device", "cpu", "--epochs", "6"]
        settings = [part for item in (*SETTINGS, "pretrain_epochs=3") for part in ("--set", item)]
        asked = ["run", *shared, *settings, "--eval-every", "2", "--results", str(results), *extra]
        outcome = CliRunner().invoke(main, asked)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return invoke


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the next runs fail at the step after so many; no checkpoint is written of it."""
    step = PhaseOptimizer.step

    def kill(steps: int) -> None:
        left = iter(range(steps))

        def fail(optimizer: PhaseOptimizer, batch: Any) -> Any:
            if next(left, None) is None:
                raise RuntimeError("the machine is gone")
            return step(optimizer, batch)

        monkeypatch.setattr(PhaseOptimizer, "step", fail)

    return kill


@pytest.fixture
def revive(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Steps work again, and nobody asks to stop."""
    step, call = PhaseOptimizer.step, Interruption.__call__

    def revive() -> None:
        monkeypatch.setattr(PhaseOptimizer, "step", step)
        monkeypatch.setattr(Interruption, "__call__", call)

    return revive


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the next runs asked to stop after so many iterations."""

    def interrupt(iterations: int) -> None:
        left = iter(range(iterations))
        monkeypatch.setattr(Interruption, "__call__", lambda _: next(left, None) is None)

    return interrupt


@pytest.fixture
def only(results: Path) -> Callable[[], RunFolder]:
    """The folder of the one run there is, finished or not."""

    def only() -> RunFolder:
        (folder,) = (*Store(results).runs(), *Store(results).unfinished())
        return folder

    return only


Points = dict[str, list[tuple[int, float]]]


@pytest.fixture
def expected(only: Callable[[], RunFolder]) -> Callable[[], Points]:
    """What a tracker should get, read from metrics.jsonl: by name, each epoch with its number."""

    def expected() -> Points:
        points: Points = {}
        for text in only().metrics_file.read_text().splitlines():
            line = json.loads(text)
            for term, value in line["losses"].items():
                points.setdefault(f"loss/{line['stage']}/{term}", []).append((line["epoch"], value))
            for name, value in line.get("metrics", {}).items():
                points.setdefault(f"test-peek-by-epoch/{name}", []).append((line["epoch"], value))
        assert {f"test-peek-by-epoch/{name}" for name in ("U", "S", "H", "T1", "AUSUC")} < set(points)
        return points

    return expected
