"""A cell as a job of an executor, and a sweep with an executor that fails as a test wants."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from gzslbench.errors import ExecutorError, PluginError, StoreError
from gzslbench.plugins.executor import Ended, Failure, Limits, Started
from gzslbench.plugins.registry import plugins
from gzslbench.runs.plan import Request, make_plan, parse_request
from gzslbench.runs.store import Store
from gzslbench.sweeps.executors import PluginExecutor
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


ROGUE = """
import sys
from pkgutil import resolve_name
from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, ExecutorSpec, Failure, Started
from gzslbench.plugins.hooks import hookimpl

def work(job):
    return resolve_name(job.work)({**job.argument, "folder": str(job.folder)})

class Rogue:
    def __init__(self, limits):
        START

    def run(self, jobs):
        RUN

    def stop(self): pass
    kill = stop

@hookimpl
def gzslbench_executors():
    return [ExecutorSpec("rogue", "Rogue", "rogue_of_tests:Rogue")]
"""


@pytest.fixture
def rogue(tmp_path, monkeypatch):
    """Install an executor ``rogue`` with this code, and run a suite of one cell with it."""
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("rogue", "rogue_of_tests", "gzslbench.executors")

    def run(suite, run, start="pass", code=ROGUE, stopped=False):
        (tmp_path / "rogue_of_tests.py").write_text(code.replace("START", start).replace("RUN", run))
        monkeypatch.setitem(plugins().entries["executors"], entry.name, entry)
        loaded = load_suite(str(suite)).select(["eszsl"])
        executor = PluginExecutor("rogue", Limits())
        if stopped:
            executor.stop()
        return run_sweep(loaded, Store(tmp_path / "results"), executor)

    yield run
    plugins().manager.unregister(name=entry.value)
    del sys.modules["rogue_of_tests"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise OSError('no cluster')", "OSError: no cluster"),
        ("sys.exit(0)", "SystemExit: 0"),
        ("return None", "not iterable"),
        ("return [5]", "dataclass"),
        ("yield Started('another', 'here')", "no job another runs"),
        ("yield Started(jobs[0].id, None)", "where"),
        ("yield Ended(jobs[0].id, 'soon', failure=Failure('died', 'w'))", "seconds"),
        ("yield Ended(jobs[0].id, 1.0, result=7)", "result"),
        ("yield Ended(jobs[0].id, 1.0, failure=Failure('raised', None))", "failure.what"),
        ("yield Ended(jobs[0].id, 1.0, failure=Failure('tired', 'w'))", "failure.kind"),
        ("yield from [Ended(jobs[0].id, 1.0, result=work(jobs[0]))] * 2", "no job eszsl-digits"),
    ],
)
def test_an_executor_that_breaks_its_contract_is_named(rogue, suite, body, words):
    with pytest.raises(PluginError, match="the executor 'rogue' failed") as caught:
        rogue(suite, body)
    assert words in caught.value.what and caught.value.where == "rogue_of_tests:Rogue"
    assert "--executor" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("START", "raise ValueError('limits')"), "failed: ValueError: limits"),
        (("rogue_of_tests:Rogue", "rogue_of_tests:Other"), "'rogue' cannot be loaded: AttributeError"),
        (("rogue_of_tests:Rogue", "no_such_module:Rogue"), "'rogue' cannot be loaded: ModuleNotFoundError"),
        (("def __init__(self, limits)", "def __init__(self)"), "'rogue' cannot be loaded: TypeError"),
    ],
)
def test_an_executor_that_cannot_be_created_is_named(rogue, suite, change, words):
    with pytest.raises(PluginError, match=words):
        rogue(suite, "return iter(())", code=ROGUE.replace(*change))


def test_an_error_that_an_executor_explains_stays_as_it_is(rogue, suite):
    with pytest.raises(ExecutorError, match="the cluster is gone"):
        rogue(suite, "raise ExecutorError('the cluster is gone')")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return iter(())", "the executor rogue lost it"),
        ("yield Started(jobs[0].id, 'here')", "the executor rogue lost it"),
        ("yield Ended(jobs[0].id, 1.0)", "there is no record"),
        ("yield Ended(jobs[0].id, 1.0, result={'record': 5})", "there is no record"),
        ("yield Ended(jobs[0].id, 1.0, result={}, failure=Failure('died', 'no power'))", "no power"),
        ("yield Ended(jobs[0].id, 1.0, failure=Failure('raised', ''))", ""),
    ],
)
def test_a_cell_that_an_executor_loses_has_failed_and_nobody_stopped_it(rogue, suite, tmp_path, body, why):
    found = rogue(suite, body)
    assert (found.good, found.complete, found.stopped) == (0, False, False)
    assert why in found.results[0].failure.what
    assert len(SweepLog(tmp_path / "results", "small").read().failed) == 1


def test_numbers_come_from_the_stored_record_and_not_from_the_executor(rogue, suite, tmp_path):
    body = "r = work(jobs[0]); r['record']['metrics']['last']['H'] = 99.0; yield Ended(jobs[0].id, 1.0, r)"
    (result,) = rogue(suite, body).results
    assert result.good and result.record == Store(tmp_path / "results").run(result.planned.id).record()
    assert result.record.headline.H < 99


def test_an_executor_that_was_stopped_has_lost_nothing(rogue, suite):
    found = rogue(suite, "return iter(())", stopped=True)
    assert (found.results, found.stopped) == ([], True)
