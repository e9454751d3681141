"""The traced window: which iterations lie in it, and what becomes of its file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.profiler import record_function

from gzslbench.computing.instrumentation import PREFIX
from gzslbench.errors import StoreError
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.profile import Profile, iterations_left


@pytest.fixture
def short_window(monkeypatch):
    """Records at most four iterations, and none of the first three if there are more."""
    monkeypatch.setattr("gzslbench.runs.profile.MAX_ITERATIONS", 4)
    monkeypatch.setattr("gzslbench.runs.profile.SKIPPED", 3)


def trainer_at(epoch, iteration, *, epochs, length, stages=1, stage=0):
    """As much of a trainer as a profile looks at: its place in a stage of ``epochs`` epochs."""
    current = SimpleNamespace(
        epoch=epoch,
        iteration=iteration,
        stage=SimpleNamespace(epochs=epochs),
        iterations=length,
    )
    return SimpleNamespace(current=current, stages=(None,) * stages, stage_index=stage)


def evaluated_after(epochs, every):
    return [epoch for epoch in range(1, epochs + 1) if epoch == epochs or (every and epoch % every == 0)]


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 15), st.data())
def test_the_iterations_left_are_those_counted_one_by_one(epochs, length, every, data) -> None:
    epoch = data.draw(st.integers(0, epochs - 1))
    iteration = data.draw(st.integers(0, length - 1))
    trainer = trainer_at(epoch, iteration, epochs=epochs, length=length)
    counted = 0
    while counted == 0 or iteration > 0 or epoch not in evaluated_after(epochs, every):
        counted, iteration = counted + 1, iteration + 1
        if iteration == length:
            epoch, iteration = epoch + 1, 0
    assert iterations_left(trainer, every) == counted


def test_a_stage_before_the_last_leads_to_no_evaluation() -> None:
    assert iterations_left(trainer_at(0, 0, epochs=3, length=4, stages=2, stage=0), 1) is None
    assert iterations_left(trainer_at(0, 0, epochs=3, length=4, stages=2, stage=1), 1) == 4
    done = SimpleNamespace(current=None, stages=(None,), stage_index=1)
    assert iterations_left(done, 1) is None


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def train(profile, folder, total, stop_at=None):
    """``total`` iterations that leave a mark each, then two evaluations; which of them saw a profiler."""
    watched = []
    for i in range(total):
        trainer = trainer_at(0, i, epochs=1, length=total)
        if profile.between_iterations(trainer, 0, lambda i=i: i == stop_at)():
            break
        watched.append(torch.autograd._profiler_enabled())
        with record_function(f"mark {i}"):
            torch.ones(2) + 1
    else:
        for i in range(2):
            with profile.evaluation(folder), record_function(f"evaluation {i}"):
                torch.ones(2) + 1
    return watched


def marks(profile):
    trace = json.loads(gzip.decompress(profile.trace.read_bytes()))
    names = [event["name"] for event in trace["traceEvents"] if event.get("cat") == "user_annotation"]
    return [name for name in names if not name.startswith(PREFIX)], [
        name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)
    ]


@pytest.mark.usefixtures("short_window")
@pytest.mark.parametrize(
    ("total", "recorded"), [(0, 0), (1, 1), (2, 1), (4, 1), (6, 3), (7, 4), (8, 4), (30, 4)]
)
def test_the_last_iterations_and_one_evaluation_are_recorded_and_no_others(folder, total, recorded) -> None:
    with Profile("cpu") as profile:
        watched = train(profile, folder, total)
    first = total - recorded
    inside, parts = marks(profile)
    assert inside == [*(f"mark {i}" for i in range(first, total)), "evaluation 0"]
    assert parts == ["iteration"] * recorded + ["evaluation"]
    assert not any(watched[: max(first - 1, 0)])  # the one before the first brings the profiler up
    assert not torch.autograd._profiler_enabled()


@pytest.mark.usefixtures("short_window")
@pytest.mark.parametrize("stop_at", [2, 5, 8])  # before the window, as it is made ready, and within it
def test_a_run_stopped_before_its_evaluation_leaves_nothing(folder, stop_at) -> None:
    with Profile("cpu") as profile:
        train(profile, folder, 10, stop_at)
    assert profile.used and profile.trace is None
    assert list(folder.path.iterdir()) == []
    assert not torch.autograd._profiler_enabled()


def test_an_evaluation_that_fails_leaves_nothing(folder) -> None:
    with pytest.raises(ZeroDivisionError), Profile("cpu") as profile, profile.evaluation(folder):
        1 / 0  # noqa: B018
    assert profile.trace is None and list(folder.path.iterdir()) == []
    assert not torch.autograd._profiler_enabled()


def test_a_trace_replaces_an_older_one(folder) -> None:
    for total in (3, 4):
        with Profile("cpu") as profile:
            train(profile, folder, total)
    assert [path.name for path in folder.path.iterdir()] == ["trace.json.gz"]
    assert marks(profile)[0] == ["mark 3", "evaluation 0"]


def test_a_folder_that_takes_no_file_is_an_error(tmp_path) -> None:
    gone = RunFolder(Path(tmp_path / "gone"))
    with pytest.raises(StoreError, match="trace"), Profile("cpu") as profile:
        train(profile, gone, 3)
    assert profile.trace is None
