"""A cell as a job of an executor, and a sweep with an executor that fails as a test wants."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gzslbench.errors import StoreError
from gzslbench.plugins.executor import Ended, Failure, Started
from gzslbench.runs.plan import Request, make_plan, parse_request
from gzslbench.runs.store import Store
from gzslbench.sweeps.planning import TaskCache
from gzslbench.sweeps.runner import cell_argument, run_cell_job, run_sweep
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench.sweeps.sweep_log import SweepLog

REQUEST = Request("eszsl", "digits", seeds=(1,), settings=("alpha=1.0",))


def test_a_request_survives_the_way_to_a_worker(tmp_path):
    request = replace(REQUEST, data=tmp_path / "data", preset=tmp_path / "tuned.toml", head_settings=("a=1",))
    argument = json.loads(json.dumps(cell_argument(request, "a cell", 10)))
    assert Request.from_json(argument["request"]) == request


def test_a_worker_sees_one_gpu_and_no_number_of_it():
    argument = cell_argument(replace(REQUEST, device="cuda:3"), "a cell", 10)
    assert Request.from_json(argument["request"]).device == "cuda"


def test_a_job_runs_its_cell_once_and_then_reads_its_record(tmp_path):
    (cell,) = make_plan(REQUEST).cells
    argument = {**cell_argument(REQUEST, cell.id, 10), "folder": str(tmp_path / cell.id)}
    first = run_cell_job(argument)
    assert first["record"]["id"] == cell.id and run_cell_job(argument) == first


def test_a_job_whose_data_changed_after_planning_has_them_read_again(tmp_path):
    TaskCache(tmp_path).read(parse_request(REQUEST))
    argument = cell_argument(REQUEST, "eszsl-digits-s1-0123456789", 10)
    with pytest.raises(StoreError, match="its data changed after") as caught:
        run_cell_job({**argument, "folder": str(tmp_path / argument["cell"])})
    assert "repeat the command" in str(caught.value) and not any(path.is_dir() for path in tmp_path.iterdir())
    assert TaskCache(tmp_path).get(parse_request(REQUEST)) is None


class InProcess:
    """Runs jobs in this process, except those whose ids begin with ``broken``; keeps what it ran."""

    def __init__(self, broken=()):
        self.broken = tuple(broken)
        self.jobs = []

    def run(self, jobs):
        self.jobs += jobs
        for job in jobs:
            yield Started(job.id, "here")
            if job.id.startswith(self.broken):
                yield Ended(job.id, 0.1, failure=Failure("died", "its process was ended by SIGKILL"))
            else:
                yield Ended(job.id, 0.1, run_cell_job({**job.argument, "folder": str(job.folder)}))

    def stop(self):
        raise AssertionError("nobody stops it")

    kill = stop


def test_a_failure_stops_nothing_and_can_be_tried_alone(suite, tmp_path):
    loaded, store = load_suite(str(suite)).select(["eszsl", "cnzsl"]), Store(tmp_path / "results")
    first = run_sweep(loaded, store, InProcess(["cnzsl-digits-s2"]))
    assert (len(first.to_run), first.good, first.complete, first.stopped) == (3, 2, False, False)
    assert len(SweepLog(store.root, "small").read().failed) == 1
    again = run_sweep(loaded, store, InProcess(), only_failed=True)
    assert [cell.id.rpartition("-")[0] for cell in again.to_run] == ["cnzsl-digits-s2"]
    assert again.complete and [cell.state for cell in again.not_run] == ["done", "done"]
    assert run_sweep(loaded, store, InProcess()).to_run == []


def test_a_cell_on_a_gpu_takes_the_share_of_its_method_or_the_requested_one(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "gzslbench.computing.device.resolve_device", lambda _name: __import__("torch").device("cuda")
    )
    loaded = load_suite(str(suite)).select(["eszsl"])
    for requested, expected in ((None, 0.25), (0.5, 0.5)):
        executor = InProcess([""])
        run_sweep(loaded, Store(tmp_path / f"{requested}"), executor, gpus_per_cell=requested)
        assert [job.gpus for job in executor.jobs] == [expected]
