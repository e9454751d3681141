"""Checks of executors, with jobs that succeed, raise, die and hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Any

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Event, Executor, ExecutorSpec, Job, Limits, Started
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.metadata_checks import NAME

WORK = "gzslbench.testing.fake_jobs:"


class ExecutorCase:
    """An executor that is checked, on this machine or at the address of a cluster."""

    def __init__(self, spec: ExecutorSpec, address: str | None = None) -> None:
        self.spec = spec
        self.address = address

    def create(self, **limits: Any) -> Executor:
        """Create the executor, for two jobs at once unless ``limits`` say otherwise.

        Raises:
            NotApplicable: It cannot work here.
        """
        load: Callable[[Limits], Executor] = resolve_name(self.spec.load)
        try:
            return load(Limits(**{"jobs": 2, "address": self.address, **limits}))
        except ExecutorError as error:
            raise NotApplicable(str(error)) from error

    def run(self, work: Sequence[Job], **limits: Any) -> dict[str, Ended]:
        """Run jobs; returns how each ended."""
        return ends_of(list(self.create(**limits).run(work)))


def ends_of(events: Sequence[Event]) -> dict[str, Ended]:
    """How each job ended, by its id; checks that each started before, and ended once."""
    started, ends = set(), {}
    for event in events:
        if isinstance(event, Started):
            started.add(event.job)
            continue
        require(event.job in started, f"{event} without a start before", "yield Started before Ended")
        require(event.job not in ends, f"{event} after another end", "yield one Ended for each job")
        one = (event.result is None) != (event.failure is None)
        require(one, f"{event} has both or neither of result and failure", "give one of them")
        ends[event.job] = event
    return ends


def spec_is_complete(case: ExecutorCase) -> None:
    """The spec has a valid name, a title, and a class that can be loaded."""
    name, fix = case.spec.name, "use lower case letters and hyphens"
    require(NAME.fullmatch(name) is not None, f"the name {name!r} is not valid", fix)
    require(bool(case.spec.title.strip()), "the spec has no title", "write one in `title`")
    resolve_name(case.spec.load)


def each_job_runs_once_in_its_own_process(case: ExecutorCase) -> None:
    """Each job id runs once, in its own process, and has its own result."""
    require(not case.run([]), "without jobs there are events", "yield nothing")
    jobs = _squares(5, seconds=0.2)
    ends = case.run([*jobs, *jobs[:2]])
    results = {name: dict(end.result or {}) for name, end in ends.items()}
    right = {f"job-{n}": n**2 for n in range(5)}
    wrong = f"the results of five jobs are {results}"
    require(
        {name: found.get("square") for name, found in results.items()} == right, wrong, "run each id once"
    )
    processes = {found["process"] for found in results.values()}
    require(len(processes) == 5, "jobs share a process", "start a fresh process for each job")


def a_job_that_raises_fails_alone(case: ExecutorCase) -> None:
    """An exception is the failure of its job, with a traceback if it is a bug; other jobs run."""
    jobs = [
        Job("bug", f"{WORK}raise_bug", {"number": 7}),
        Job("error", f"{WORK}raise_error", {"number": 8}),
        Job("nowhere", f"{WORK}no_such_function", {}),
    ]
    ends = case.run([*jobs, *_squares(2)])
    kinds = _kinds(ends)
    expected = {"bug": "raised", "error": "raised", "nowhere": "raised", "job-0": "", "job-1": ""}
    require(kinds == expected, f"the failures are {kinds}", "give what raised the kind 'raised'")
    bug, error = ends["bug"].failure, ends["error"].failure
    shown = bug is not None and "job 7" in bug.what and "fake_jobs" in bug.traceback
    require(shown, f"the failure of a bug is {bug}", "give the exception and its traceback")
    plain = error is not None and "change it" in error.what and not error.traceback
    require(plain, f"the failure of a GzslBenchError is {error}", "give its text without a traceback")


def a_job_whose_process_dies_starts_again(case: ExecutorCase) -> None:
    """After a crash a job starts again, as often as ``limits.retries`` says; other jobs run."""
    with _folder() as folder:
        once = Job("once", f"{WORK}die", {"marker": str(folder / "marker")})
        ends = case.run([once, Job("always", f"{WORK}die", {}), *_squares(2)], retries=1)
    kinds = _kinds(ends)
    expected = {"once": "", "always": "died", "job-0": "", "job-1": ""}
    require(kinds == expected, f"the failures are {kinds}", "start a job again, then give the kind 'died'")


def a_job_that_hangs_is_killed(case: ExecutorCase) -> None:
    """After ``limits.timeout`` seconds a job is killed; other jobs run."""
    with _folder() as folder:
        hanging = _waiting("hangs", folder, deaf=True)
        kinds = _kinds(case.run([hanging, *_squares(3)], timeout=3.0))
    expected = {"hangs": "timeout", "job-0": "", "job-1": "", "job-2": ""}
    require(kinds == expected, f"the failures are {kinds}", "kill it, with the kind 'timeout'")


def a_job_has_ended_when_it_has_answered(case: ExecutorCase) -> None:
    """A result of megabytes arrives, and a thread that the job left delays nothing."""
    end = case.run([Job("leaves", f"{WORK}leave_thread", {"seconds": 600, "length": 3_000_000})])["leaves"]
    found = len(end.result["text"]) if end.result else end.failure
    require(found == 3_000_000, f"a long result arrived as {found}", "read it while the process writes it")


def stop_lets_jobs_save(case: ExecutorCase) -> None:
    """After stop() the running jobs save and end, and no other starts."""
    with _folder() as folder:
        ends = _interrupt(case, _waiting("first", folder), folder, lambda executor: executor.stop())
        saved = (folder / "saved").exists()
    fix = "send its process SIGINT, wait for its answer, and start nothing more"
    require(_kinds(ends) == {"first": "stopped"} and saved, f"after stop(): {ends}, saved: {saved}", fix)


def kill_ends_jobs_at_once(case: ExecutorCase) -> None:
    """After kill() the running jobs end at once."""
    with _folder() as folder:
        ends = _interrupt(
            case, _waiting("hangs", folder, deaf=True), folder, lambda executor: executor.kill()
        )
    quick = _kinds(ends) == {"hangs": "stopped"} and ends["hangs"].seconds < 30
    require(quick, f"after kill(): {ends}", "end every process with SIGKILL")


def threads_are_limited(case: ExecutorCase) -> None:
    """A job computes with ``limits.threads`` threads."""
    for threads in (1, 2):
        end = case.run([Job("asks", f"{WORK}report_limits", {})], threads=threads, jobs=1)["asks"]
        right = end.result is not None and end.result["threads"] == threads
        fix = "call torch.set_num_threads(limits.threads) in its process"
        require(right, f"with {threads} threads a job ended as {end}", fix)


def files_of_a_job_arrive(case: ExecutorCase) -> None:
    """A job finds the files of its folder, and what it writes there is there afterwards."""
    with _folder() as folder:
        (folder / "old").mkdir()
        (folder / "old" / "before").write_text("known")
        jobs = [
            Job("old", f"{WORK}write_files", {"times": 10_000}, folder=folder / "old"),
            Job("new", f"{WORK}write_files", {"times": 1}, folder=folder / "further" / "new"),
        ]
        ends = case.run(jobs)
        paths = [path for path in folder.rglob("*") if path.is_file()]
        sizes = {str(path.relative_to(folder)): path.stat().st_size for path in paths}
    results = {name: dict(end.result or {}) for name, end in ends.items()}
    expected = {"old": {"before": "known", "name": "old"}, "new": {"before": None, "name": "new"}}
    require(results == expected, f"jobs with folders ended as {ends}", "pass the folder, and create it")
    expected_sizes = {
        "old/below/bytes": 2_560_000, "old/first": 5, "further/new/below/bytes": 256, "further/new/first": 5
    }  # fmt: skip
    require(
        sizes == expected_sizes, f"the files are {sizes}", "return what jobs write, remove what they remove"
    )


def a_job_continues_from_its_files(case: ExecutorCase) -> None:
    """The files that a job wrote before it died are there at its next attempt."""
    with _folder() as folder:
        job = Job("steps", f"{WORK}count_up", {"until": 3, "dies": True}, folder=folder / "steps")
        end = case.run([job], retries=3)["steps"]
    right = end.result == {"first": 3, "count": 3}
    require(right, f"a job that died three times ended as {end}", "keep the folder for the next attempt")


def shared_values_reach_jobs(case: ExecutorCase) -> None:
    """Jobs get the values of a shared object, and no job can change those of another."""
    import numpy as np

    table = np.arange(300_000, dtype=np.float64).reshape(300, 1000)
    values, total = {"table": table, "title": "numbers"}, float(table.sum())
    jobs = [Job(f"job-{number}", f"{WORK}add_up", {}, shared={"values": values}) for number in range(3)]
    ends = case.run(jobs)
    found = [end.result and (end.result["total"], end.result["title"]) for end in ends.values()]
    right = found == [(total, "numbers")] * 3 and float(table.sum()) == total
    require(right, f"jobs that share a table ended as {ends}", "pass the values in the argument")


EXECUTOR_CHECKS = (
    spec_is_complete,
    each_job_runs_once_in_its_own_process,
    a_job_that_raises_fails_alone,
    a_job_whose_process_dies_starts_again,
    a_job_that_hangs_is_killed,
    a_job_has_ended_when_it_has_answered,
    stop_lets_jobs_save,
    kill_ends_jobs_at_once,
    threads_are_limited,
    files_of_a_job_arrive,
    a_job_continues_from_its_files,
    shared_values_reach_jobs,
)


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        yield Path(scratch)


def _squares(count: int, **more: Any) -> list[Job]:
    return [Job(f"job-{n}", f"{WORK}square", {"number": n, **more}) for n in range(count)]


def _waiting(name: str, folder: Path, deaf: bool = False) -> Job:
    argument = {"begun": str(folder / "begun"), "saved": str(folder / "saved"), "deaf": deaf}
    return Job(name, f"{WORK}wait_for_stop", argument)


def _kinds(ends: dict[str, Ended]) -> dict[str, str]:
    """The kind of each job's failure; empty if it has a result."""
    return {name: end.failure.kind if end.failure else "" for name, end in ends.items()}


def _interrupt(
    case: ExecutorCase, job: Job, folder: Path, interrupt: Callable[[Executor], None]
) -> dict[str, Ended]:
    """Run a job and others after it, and interrupt the executor when the job works."""
    executor, events = case.create(jobs=1), []
    for event in executor.run([job, *_squares(2)]):
        events.append(event)
        if isinstance(event, Started):
            end = time.monotonic() + 60
            while not (folder / "begun").exists() and time.monotonic() < end:
                time.sleep(0.05)
            interrupt(executor)
    return ends_of(events)
