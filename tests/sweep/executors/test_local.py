from __future__ import annotations

import pytest

from gzslbench.plugins.executor import Ended, Job, Limits
from gzslbench.sweep.executors import resource_pool
from gzslbench.sweep.executors.local import LocalExecutor

pytestmark = pytest.mark.acceptance

WORK = "fake_jobs:"


def test_jobs_are_shown_the_cards_that_the_mask_around_names(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.setattr(resource_pool, "_count_gpus", lambda: 2)
    jobs = [Job(f"job-{n}", f"{WORK}report_limits", {}, gpus=1.0) for n in range(2)]
    ends = [event for event in LocalExecutor(Limits(jobs=2)).run(jobs) if isinstance(event, Ended)]
    assert sorted(end.result["devices"] for end in ends) == ["2", "3"]
