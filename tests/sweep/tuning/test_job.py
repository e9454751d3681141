"""Workers of a study that an executor begins."""

from __future__ import annotations

import json

import pytest

from gzslbench.errors import StoreError
from gzslbench.plugins.executor import Ended, Limits
from gzslbench.sweep.executors.local import LocalExecutor
from gzslbench.sweep.tuning.tune import open_tuning
from gzslbench.sweep.tuning.workers import run_worker, worker_jobs


@pytest.mark.acceptance
def test_two_jobs_share_a_study_and_run_as_many_trials_as_one(asked, tuned, facts, tmp_path) -> None:
    request = asked(trials=4, sampler="random", pruning=False)
    whole = tuned(asked(trials=4, sampler="random", pruning=False, study=tmp_path / "whole.journal"))
    jobs = json.loads(json.dumps([vars(each) for each in worker_jobs(request, 2)]))
    assert [each["id"] for each in jobs] == ["worker 1", "worker 2"]
    open_tuning(request)
    events = list(LocalExecutor(Limits(jobs=2)).run(worker_jobs(request, 2)))
    ended = [event for event in events if isinstance(event, Ended)]
    assert [event.failure for event in ended] == [None, None]
    assert {event.result["run"] for event in ended} == {4}
    assert facts(open_tuning(request)) == facts(whole)


def test_what_a_job_is_called_with_is_the_request_in_plain_types(asked) -> None:
    request = asked(searches=("lr=1e-4..1e-3",), timeout=0.0)
    open_tuning(request)
    (one,) = worker_jobs(request, 1)
    assert run_worker(json.loads(json.dumps(one.argument))) == {"run": 0, "counts": {"waiting": 1}}


def test_a_worker_that_does_not_see_the_study_begins_none_of_its_own(asked, tmp_path) -> None:
    (one,) = worker_jobs(asked(study=tmp_path / "elsewhere.journal"), 1)
    with pytest.raises(StoreError, match="does not see the study's file"):
        run_worker(one.argument)
    assert not list(tmp_path.iterdir())
