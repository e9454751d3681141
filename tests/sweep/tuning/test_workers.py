"""A study in the hands of an executor."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

from gzslbench.errors import ExecutorError, InterruptedRunError
from gzslbench.plugins.executor import Ended, Failure, Limits, Started
from gzslbench.runs.progress import Progress
from gzslbench.sweep.executors.local import LocalExecutor
from gzslbench.sweep.tuning.tune import open_tuning, search
from gzslbench.sweep.tuning.workers import search_with


class Acting:
    """An executor whose workers end as they are told to, one after another."""

    def __init__(self, *failures, meanwhile=lambda: None):
        self.failures = failures
        self.meanwhile = meanwhile

    def run(self, jobs):
        for job, failure in zip(jobs, self.failures, strict=True):
            yield Started(job.id, "a stage")
            self.meanwhile()
            yield Ended(job.id, 1.0, None if failure else {"run": 1}, failure)

    def stop(self):
        raise AssertionError("nobody asked")

    kill = stop


@pytest.mark.acceptance
def test_two_workers_run_what_one_process_does_and_each_trial_is_told(asked, tuned, facts, tmp_path) -> None:
    settings = {"trials": 4, "sampler": "random", "pruning": False}
    whole = tuned(asked(**settings, study=tmp_path / "whole.journal"))
    tuning, said = open_tuning(asked(**settings)), []
    search_with(tuning, LocalExecutor(Limits(2)), 2, said.append)
    assert facts(tuning) == facts(whole)
    ends = sorted(line for line in said if " on validation classes" in line)
    assert ends == [
        f"trial {trial.number}: H {trial.H:.2f} on validation classes" for trial in whole.result.trials
    ]


def test_trials_are_told_while_workers_are_at_work(asked) -> None:
    tuning, said = open_tuning(asked(trials=2, epochs=1)), []

    def others() -> None:
        worker = threading.Thread(
            target=search,
            args=(open_tuning(tuning.request), lambda cell: nullcontext(Progress()), lambda line: None),
        )
        worker.start()
        worker.join()

    search_with(tuning, Acting(None, meanwhile=others), 1, said.append)
    assert [line.partition(":")[0] for line in said if "H " in line] == ["trial 0", "trial 1"]


def test_a_worker_that_dies_is_told_and_the_others_go_on(asked) -> None:
    said = []
    search_with(open_tuning(asked()), Acting(Failure("died", "of a signal"), None), 2, said.append)
    assert said == ["worker 1 died: of a signal"]


def test_where_all_workers_fail_the_last_reason_is_told(asked) -> None:
    failures = Failure("died", "of a signal"), Failure("raised", "no such study here")
    with pytest.raises(ExecutorError, match=r"all workers failed.*no such study here") as caught:
        search_with(open_tuning(asked()), Acting(*failures), 2, lambda line: None)
    assert "repeat the command" in caught.value.fix


def test_a_stop_is_told_as_one(asked) -> None:
    with pytest.raises(InterruptedRunError, match="was stopped"):
        search_with(open_tuning(asked()), Acting(None, Failure("stopped", "")), 2, lambda line: None)
