"""Checks of executors, on jobs that are made: they succeed, raise, die and hang."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Any

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Event, Executor, ExecutorSpec, Job, Limits, Started
from gzslbench.testing.about import NAME
from gzslbench.testing.check import NotApplicable, demand

WORK = "gzslbench.testing.made_jobs:"


class ExecutorCase:
    """One executor, perhaps at an address."""

    def __init__(self, spec: ExecutorSpec, address: str | None = None) -> None:
        self.spec = spec
        self.address = address

    def made(self, **limits: Any) -> Executor:
        """The executor, for two jobs at once unless told otherwise.

        Raises:
            NotApplicable: It cannot work here.
        """
        try:
            return self.load()(Limits(**{"jobs": 2, "address": self.address, **limits}))
        except ExecutorError as error:
            raise NotApplicable(str(error)) from error

    def load(self) -> Callable[[Limits], Executor]:
        """Its class."""
        found: Callable[[Limits], Executor] = resolve_name(self.spec.load)
        return found

    def ends(self, work: Sequence[Job], **limits: Any) -> dict[str, Ended]:
        """By job, how it ended."""
        return ends_of(list(self.made(**limits).run(work)))


def ends_of(events: Sequence[Event]) -> dict[str, Ended]:
    """By job, how it ended; each must have begun before, and end once."""
    begun: set[str] = set()
    ends: dict[str, Ended] = {}
    for event in events:
        if isinstance(event, Started):
            begun.add(event.job)
            continue
        demand(
            event.job in begun, f"job {event.job} ended and had not begun", "yield a Started for it before"
        )
        demand(event.job not in ends, f"job {event.job} ended twice", "yield one Ended for each job")
        demand(
            (event.result is None) != (event.failure is None),
            f"job {event.job} ended with both or neither of result and failure",
            "give one of them",
        )
        ends[event.job] = event
    return ends


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        yield Path(scratch)


def _squares(count: int, **more: Any) -> list[Job]:
    return [Job(f"job-{n}", f"{WORK}square", {"number": n, **more}) for n in range(count)]


def spec_is_complete(case: ExecutorCase) -> None:
    """The spec has a name and a title, and its class can be loaded."""
    demand(NAME.fullmatch(case.spec.name) is not None, f"the name {case.spec.name!r} is none", "call it so")
    demand(bool(case.spec.title.strip()), "the spec has no title", "write one in `title`")
    case.load()


def every_job_is_done_whatever_their_order(case: ExecutorCase) -> None:
    """Jobs of different lengths have their own results, each its own process."""
    jobs = [
        Job(f"job-{number}", f"{WORK}square", {"number": number, "seconds": 0.3 if number == 0 else 0})
        for number in range(5)
    ]
    ends = case.ends(jobs)
    found = {name: end.result and end.result["square"] for name, end in ends.items()}
    demand(
        found == {f"job-{number}": number**2 for number in range(5)},
        f"the results of five jobs are {found}",
        "yield an Ended for each, with what its function returned",
    )
    processes = {end.result["process"] for end in ends.values() if end.result}
    demand(
        len(processes) == 5, "jobs share a process", "begin a fresh one for each: what one leaves harms none"
    )


def nothing_to_do_is_done_at_once(case: ExecutorCase) -> None:
    """Without jobs there are no events."""
    events = list(case.made().run([]))
    demand(not events, f"without jobs there are events: {events}", "yield nothing")


def a_job_that_raises_ends_alone(case: ExecutorCase) -> None:
    """An exception is its job's failure, with its traceback where it is a bug, and the others go on."""
    jobs = [
        Job("bug", f"{WORK}raise_a_bug", {"number": 7}),
        Job("error", f"{WORK}raise_an_error", {"number": 8}),
        Job("nowhere", "gzslbench.testing.made_jobs:no_such_function", {}),
        *_squares(2),
    ]
    ends = case.ends(jobs)
    demand(
        set(ends) == {job.id for job in jobs},
        f"of {len(jobs)} jobs {len(ends)} ended",
        "go on with the others",
    )
    kinds = {name: end.failure.kind if end.failure else "" for name, end in ends.items()}
    demand(
        all(kinds[name] == "raised" for name in ("bug", "error", "nowhere")) and not kinds["job-1"],
        f"the failures are {kinds}",
        "give what raised the kind 'raised'",
    )
    bug, error = ends["bug"].failure, ends["error"].failure
    demand(
        bug is not None and "job 7" in bug.what and "made_jobs" in bug.traceback,
        f"of a bug one is told {bug}",
        "tell the exception and its traceback",
    )
    demand(
        error is not None and "change it" in error.what and not error.traceback,
        f"of an error that a user can mend one is told {error}",
        "tell what happened, where and what to do, without a traceback",
    )


def a_job_whose_process_dies_is_begun_again(case: ExecutorCase) -> None:
    """A killed process is tried again; one that dies each time fails, and the others go on."""
    with _folder() as folder:
        once = Job("once", f"{WORK}die_once", {"number": 3, "marker": str(folder / "marker")})
        ends = case.ends([once, Job("always", f"{WORK}die", {}), *_squares(2)], retries=1)
    demand(
        ends["once"].result == {"square": 9},
        f"a job whose process was killed once ended as {ends['once']}",
        "begin it again as often as limits.retries says",
    )
    failure = ends["always"].failure
    demand(
        failure is not None and failure.kind == "died",
        f"a job that kills its process each time ended as {ends['always']}",
        "give it the kind 'died'",
    )
    demand(ends["job-1"].result is not None, "another job did not end well", "go on with the others")


def a_job_that_hangs_is_ended(case: ExecutorCase) -> None:
    """After limits.timeout a job is killed, and the others go on."""
    ends = case.ends([Job("hangs", f"{WORK}hang", {}), *_squares(3)], timeout=3.0)
    failure = ends["hangs"].failure
    demand(
        failure is not None and failure.kind == "timeout",
        f"a job that hangs ended as {ends['hangs']}",
        "kill it after limits.timeout seconds, with the kind 'timeout'",
    )
    demand(all(f"job-{n}" in ends for n in range(3)), "other jobs were not done", "go on with the others")


def a_process_that_outlives_its_answer_holds_nothing_up(case: ExecutorCase) -> None:
    """A job has ended once it has answered, whatever threads it leaves."""
    ends = case.ends([Job("leaves", f"{WORK}leave_a_thread", {"seconds": 600})])
    demand(
        ends["leaves"].result == {"answered": True},
        f"a job that leaves a thread ended as {ends['leaves']}",
        "end its process some seconds after its answer",
    )


def asked_to_stop_jobs_save_and_no_more_begin(case: ExecutorCase) -> None:
    """stop() lets what is under way save and end, and begins nothing more."""
    with _folder() as folder:
        marker, begun = folder / "saved", folder / "begun"
        argument = {"marker": str(marker), "begun": str(begun)}
        executor, events = case.made(jobs=1), []
        for event in executor.run([Job("first", f"{WORK}work_until_stopped", argument), *_squares(2)]):
            events.append(event)
            if isinstance(event, Started):
                _await(begun)
                executor.stop()
        saved = marker.exists()
    ends = ends_of(events)
    failure = ends["first"].failure if "first" in ends else None
    demand(
        failure is not None and failure.kind == "stopped" and saved,
        f"asked to stop, a job ended as {ends.get('first')}, and it {'saved' if saved else 'did not save'}",
        "send its process SIGINT, and wait for its answer",
    )
    demand(set(ends) == {"first"}, f"asked to stop, it began {set(ends) - {'first'}}", "begin nothing more")


def killed_it_ends_at_once(case: ExecutorCase) -> None:
    """kill() ends what is under way, whatever it does."""
    executor, events = case.made(jobs=1), []
    for event in executor.run([Job("hangs", f"{WORK}hang", {}), *_squares(2)]):
        events.append(event)
        if isinstance(event, Started):
            executor.kill()
    ends = ends_of(events)
    demand(
        set(ends) == {"hangs"} and ends["hangs"].failure is not None and ends["hangs"].seconds < 30,
        f"killed, it ended with {ends}",
        "end every process with SIGKILL",
    )


def jobs_of_one_id_are_done_once(case: ExecutorCase) -> None:
    """Of duplicates one is done."""
    ends = case.ends([*_squares(2), *_squares(2)])
    demand(set(ends) == {"job-0", "job-1"}, f"of two jobs, each twice, {set(ends)} ended", "do each id once")


def threads_are_limited(case: ExecutorCase) -> None:
    """A job computes with as many threads as limits.threads says."""
    for threads in (1, 2):
        end = case.ends([Job("asks", f"{WORK}tell_limits", {})], threads=threads, jobs=1)["asks"]
        demand(
            end.result is not None and end.result["threads"] == threads,
            f"told to compute with {threads} threads, a job ended as {end}",
            "call torch.set_num_threads(limits.threads) in its process",
        )


def a_long_result_comes_whole(case: ExecutorCase) -> None:
    """A result of some megabytes comes back."""
    length = 3_000_000
    end = case.ends([Job("long", f"{WORK}answer_at_length", {"length": length})])["long"]
    demand(
        end.result is not None and len(end.result["text"]) == length,
        f"of a result of {length} bytes came {end.failure or len(end.result['text'] if end.result else '')}",
        "read the answer while the process is still writing it",
    )


def what_a_job_leaves_in_its_folder_is_there(case: ExecutorCase) -> None:
    """A job finds the files of its folder, and what it leaves there is there, and nothing else."""
    with _folder() as folder:
        (folder / "made").mkdir()
        (folder / "made" / "before").write_text("known")
        jobs = [
            Job("made", f"{WORK}leave_files", {"times": 10_000}, folder=folder / "made"),
            Job("new", f"{WORK}leave_files", {"times": 1}, folder=folder / "further" / "new"),
        ]
        ends = case.ends(jobs)
        results = {name: dict(end.result or {}) for name, end in ends.items()}
        found = {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
    demand(
        results == {"made": {"before": "known", "name": "made"}, "new": {"before": None, "name": "new"}},
        f"jobs that read their folders ended as {ends}",
        "tell the job of a folder with the same name and files in argument['folder'], and make it",
    )
    table = bytes(range(256))
    expected = {"made": table * 10_000, "further/new": table}
    demand(
        found
        == {f"{name}/below/bytes": content for name, content in expected.items()}
        | {f"{name}/first": b"whole" for name in expected},
        f"after two jobs left files in their folders there are {sorted(found)}",
        "bring back what they left, and remove what they removed",
    )


def begun_again_a_job_has_the_files_that_it_left(case: ExecutorCase) -> None:
    """What a job saved before it died is there for the next attempt."""
    with _folder() as folder:
        end = case.ends([Job("steps", f"{WORK}go_on", {}, folder=folder / "steps")], retries=3)["steps"]
    demand(
        end.result == {"steps": 3},
        f"a job that went on from a file of its folder, dying thrice, ended as {end}",
        "give the next attempt the files of the one before",
    )


def shared_values_reach_jobs_that_cannot_change_them(case: ExecutorCase) -> None:
    """Jobs that share an object have its value, whatever another does with it."""
    import numpy as np

    table = np.arange(300_000, dtype=np.float64).reshape(300, 1000)
    values, total = {"table": table, "title": "numbers"}, float(table.sum())
    jobs = [Job(f"job-{number}", f"{WORK}add_up", {}, shared={"values": values}) for number in range(3)]
    ends = case.ends(jobs)
    told = [end.result and (end.result["total"], end.result["title"]) for end in ends.values()]
    demand(
        told == [(total, "numbers")] * 3 and float(table.sum()) == total,
        f"three jobs that share a table, and change it, ended as {ends}",
        "give each job the values in its argument, and changes to no other",
    )


EXECUTOR_CHECKS = (
    spec_is_complete,
    every_job_is_done_whatever_their_order,
    nothing_to_do_is_done_at_once,
    a_job_that_raises_ends_alone,
    a_job_whose_process_dies_is_begun_again,
    a_job_that_hangs_is_ended,
    a_process_that_outlives_its_answer_holds_nothing_up,
    asked_to_stop_jobs_save_and_no_more_begin,
    killed_it_ends_at_once,
    jobs_of_one_id_are_done_once,
    threads_are_limited,
    a_long_result_comes_whole,
    what_a_job_leaves_in_its_folder_is_there,
    begun_again_a_job_has_the_files_that_it_left,
    shared_values_reach_jobs_that_cannot_change_them,
)


def _await(marker: Path) -> None:
    """Until ``marker`` is there, a minute at most."""
    import time

    ends = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < ends:
        time.sleep(0.05)
