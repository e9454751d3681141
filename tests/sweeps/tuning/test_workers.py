"""A study whose trials run in processes of an executor."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext

import pytest

from gzslbench.errors import ExecutorError, InterruptedRunError, StoreError
from gzslbench.plugins.executor import Ended, Failure, Limits, Started
from gzslbench.runs.progress import Progress
from gzslbench.sweeps.executors.local import LocalExecutor
from gzslbench.sweeps.tuning.tune import open_tuning, run_worker, search, search_with, worker_jobs


class FakeExecutor:
    """An executor whose workers end one after another, with these failures."""

    def __init__(self, *failures, meanwhile=lambda: None):
        self.failures = failures
        self.meanwhile = meanwhile

    def run(self, jobs):
        for job, failure in zip(jobs, self.failures, strict=True):
            yield Started(job.id, "a stage")
            self.meanwhile()
            yield Ended(job.id, 1.0, None if failure else {"run": 1}, failure)

    def stop(self):
        raise AssertionError("nobody stops it")

    kill = stop


@pytest.mark.acceptance
def test_two_workers_run_what_one_process_does_and_report_each_trial(
    make_request, tuned, facts, tmp_path
) -> None:
    settings = {"trials": 4, "sampler": "random", "pruning": False}
    whole = tuned(make_request(**settings, study=tmp_path / "whole.journal"))
    tuning, said = open_tuning(make_request(**settings)), []
    search_with(tuning, LocalExecutor(Limits(2)), 2, said.append)
    assert facts(tuning) == facts(whole)
    ends = sorted(line for line in said if " on validation classes" in line)
    assert ends == [
        f"trial {trial.number}: {trial.value:.2f} on validation classes" for trial in whole.result.trials
    ]


def test_the_argument_of_a_worker_is_the_request_in_plain_types(make_request) -> None:
    request = make_request(searches=("lr=1e-4..1e-3",), timeout=0.0)
    open_tuning(request)
    first, second = worker_jobs(request, 2)
    assert (first.id, second.id) == ("worker 1", "worker 2")
    assert run_worker(json.loads(json.dumps(first.argument))) == {"run": 0, "counts": {"waiting": 1}}


def test_a_worker_that_does_not_see_the_study_starts_none_of_its_own(make_request, tmp_path) -> None:
    (worker,) = worker_jobs(make_request(study=tmp_path / "elsewhere.journal"), 1)
    with pytest.raises(StoreError, match="does not see the study's file"):
        run_worker(worker.argument)
    assert not list(tmp_path.iterdir())


def test_trials_are_reported_while_workers_run(make_request) -> None:
    tuning, said = open_tuning(make_request(trials=2, epochs=1)), []

    def run_trials() -> None:
        worker = threading.Thread(
            target=search,
            args=(open_tuning(tuning.request), lambda cell: nullcontext(Progress()), lambda line: None),
        )
        worker.start()
        worker.join()

    search_with(tuning, FakeExecutor(None, meanwhile=run_trials), 1, said.append)
    assert [line.partition(":")[0] for line in said if "on validation" in line] == ["trial 0", "trial 1"]


def test_a_worker_that_dies_is_reported_and_the_others_continue(make_request) -> None:
    said = []
    search_with(
        open_tuning(make_request()), FakeExecutor(Failure("died", "of a signal"), None), 2, said.append
    )
    assert said == ["worker 1 died: of a signal"]


def test_if_all_workers_fail_the_error_names_the_last_reason(make_request) -> None:
    failures = Failure("died", "of a signal"), Failure("raised", "no such study here")
    with pytest.raises(ExecutorError, match=r"all workers failed.*no such study here") as caught:
        search_with(open_tuning(make_request()), FakeExecutor(*failures), 2, lambda line: None)
    assert "repeat the command" in caught.value.fix


def test_a_stopped_worker_stops_the_study(make_request) -> None:
    with pytest.raises(InterruptedRunError, match="was stopped"):
        search_with(
            open_tuning(make_request()), FakeExecutor(None, Failure("stopped", "")), 2, lambda line: None
        )
