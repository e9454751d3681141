"""What executors must do, on this machine and on a Ray cluster of two nodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from executor_case import ExecutorCase, ends_of, failure_kinds

from gzslbench.plugins.executor import Ended, Executor, Job, Started
from gzslbench.plugins.registry import plugins

pytestmark = pytest.mark.acceptance
WORK = "fake_jobs:"


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def case(request) -> ExecutorCase:
    address = request.getfixturevalue("joined").address if request.param == "ray" else None
    return ExecutorCase(resolve_name(plugins().executor(request.param).load), address)


def squares(count: int) -> list[Job]:
    return [Job(f"job-{n}", f"{WORK}square", {"number": n}) for n in range(count)]


def waiting(name: str, folder: Path, deaf: bool) -> Job:
    argument = {"begun": str(folder / "begun"), "saved": str(folder / "saved"), "deaf": deaf}
    return Job(name, f"{WORK}wait_for_stop", argument)


def interrupt(
    case: ExecutorCase, job: Job, folder: Path, interrupt: Callable[[Executor], None]
) -> dict[str, Ended]:
    """Run a job and others after it, and interrupt the executor when the job works."""
    executor, events = case.create(jobs=1), []
    for event in executor.run([job, *squares(2)]):
        events.append(event)
        if isinstance(event, Started):
            end = time.monotonic() + 60
            while not (folder / "begun").exists() and time.monotonic() < end:
                time.sleep(0.05)
            interrupt(executor)
    return ends_of(events)


def test_each_job_id_runs_once_in_its_own_process_and_has_its_own_result(case) -> None:
    jobs = [Job(f"job-{n}", f"{WORK}square", {"number": n, "seconds": 0.2}) for n in range(5)]
    results = {name: end.result for name, end in case.run([*jobs, *jobs[:2]]).items()}
    assert {name: found["square"] for name, found in results.items()} == {f"job-{n}": n**2 for n in range(5)}
    assert len({found["process"] for found in results.values()}) == 5


def test_without_jobs_there_are_no_events(case) -> None:
    assert case.run([]) == {}


def test_a_bug_has_a_traceback_and_an_error_of_the_user_has_none(case) -> None:
    jobs = [
        Job("bug", f"{WORK}raise_bug", {"number": 7}),
        Job("error", f"{WORK}raise_error", {"number": 8}),
        Job("nowhere", f"{WORK}no_such_function", {}),
    ]
    ends = case.run([*jobs, *squares(2)])
    expected = {"bug": "raised", "error": "raised", "nowhere": "raised", "job-0": "", "job-1": ""}
    assert failure_kinds(ends) == expected
    bug, error = ends["bug"].failure, ends["error"].failure
    assert "job 7" in bug.what and "fake_jobs" in bug.traceback
    assert "change it" in error.what and not error.traceback


def test_a_job_whose_process_dies_has_as_many_retries_as_the_limits_say(case, tmp_path) -> None:
    once = Job("once", f"{WORK}die", {"marker": str(tmp_path / "marker")})
    ends = case.run([once, Job("always", f"{WORK}die", {}), *squares(2)], retries=1)
    assert failure_kinds(ends) == {"once": "", "always": "died", "job-0": "", "job-1": ""}


def test_a_job_that_hangs_is_killed_after_the_timeout(case, tmp_path) -> None:
    ends = case.run([waiting("hangs", tmp_path, deaf=True), *squares(3)], timeout=3.0)
    assert failure_kinds(ends) == {"hangs": "timeout", "job-0": "", "job-1": "", "job-2": ""}


def test_a_long_result_arrives_and_a_thread_that_the_job_left_delays_nothing(case) -> None:
    end = case.run([Job("leaves", f"{WORK}leave_thread", {"seconds": 600, "length": 3_000_000})])["leaves"]
    assert end.result and len(end.result["text"]) == 3_000_000


def test_stop_lets_a_job_save_and_starts_no_other(case, tmp_path) -> None:
    ends = interrupt(case, waiting("first", tmp_path, deaf=False), tmp_path, lambda e: e.stop())
    assert failure_kinds(ends) == {"first": "stopped"}
    assert (tmp_path / "saved").exists()


def test_kill_ends_jobs_at_once(case, tmp_path) -> None:
    ends = interrupt(case, waiting("hangs", tmp_path, deaf=True), tmp_path, lambda e: e.kill())
    assert failure_kinds(ends) == {"hangs": "stopped"}
    assert ends["hangs"].seconds < 30


@pytest.mark.parametrize("threads", [1, 2])
def test_a_job_computes_with_as_many_threads_as_the_limits_say(case, threads) -> None:
    end = case.run([Job("asks", f"{WORK}report_limits", {})], threads=threads, jobs=1)["asks"]
    assert end.result and end.result["threads"] == threads


def test_a_job_finds_its_folder_and_its_files_are_there_afterwards(case, tmp_path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "before").write_text("known")
    jobs = [
        Job("old", f"{WORK}write_files", {"times": 10_000}, folder=tmp_path / "old"),
        Job("new", f"{WORK}write_files", {"times": 1}, folder=tmp_path / "further" / "new"),
    ]
    results: dict[str, Any] = {name: dict(end.result or {}) for name, end in case.run(jobs).items()}
    assert results == {"old": {"before": "known", "name": "old"}, "new": {"before": None, "name": "new"}}
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path)): path.stat().st_size for path in paths} == {
        "old/below/bytes": 2_560_000,
        "old/first": 5,
        "further/new/below/bytes": 256,
        "further/new/first": 5,
    }


def test_the_files_that_a_job_wrote_before_it_died_are_there_at_its_next_attempt(case, tmp_path) -> None:
    job = Job("steps", f"{WORK}count_up", {"until": 3, "dies": True}, folder=tmp_path / "steps")
    assert case.run([job], retries=3)["steps"].result == {"first": 3, "count": 3}


def test_jobs_get_shared_values_and_cannot_change_those_of_another(case) -> None:
    table = np.arange(300_000, dtype=np.float64).reshape(300, 1000)
    values, total = {"table": table, "title": "numbers"}, float(table.sum())
    jobs = [Job(f"job-{number}", f"{WORK}add_up", {}, shared={"values": values}) for number in range(3)]
    results = [end.result for end in case.run(jobs).values()]
    assert [(found["total"], found["title"]) for found in results] == [(total, "numbers")] * 3
    assert float(table.sum()) == total
