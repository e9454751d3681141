"""Which cells a suite has, and what is known of each before anything runs."""

from __future__ import annotations

import pytest
from scipy.io import savemat

from gzslbench.errors import ParamError
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.execute import run_cell
from gzslbench.runs.plan import Request, make_plan, parse_request
from gzslbench.runs.store import Store
from gzslbench.sweeps.planning import TaskCache, _source_file, plan_sweep
from gzslbench.sweeps.runner import expected_memory
from gzslbench.sweeps.suites.suite import load_suite


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    store.make()
    return store


@pytest.fixture
def awa2(suite, tmp_path):
    """The folder of a small AWA2 that the first cell of the suite needs."""
    write_synthetic_folder("AWA2", tmp_path / "AWA2", scale=0.01)
    text = suite.read_text().replace('dataset = "digits"\nseeds', 'dataset = "AWA2"\nseeds')
    suite.write_text(text.replace("[shared]", f'[shared]\ndata = "{tmp_path}"'))
    return tmp_path / "AWA2"


def plan(suite, store, on_read=None):
    return plan_sweep(load_suite(str(suite)), store, TaskCache(store.root), on_read)


def states(suite, store):
    return [cell.state for cell in plan(suite, store)]


def read(suite, store):
    """Plan, and return the names of the datasets that were read."""
    names = []
    plan(suite, store, names.append)
    return names


def test_an_unreadable_dataset_is_read_once_and_its_cells_are_impossible(suite, store, awa2):
    (awa2 / "res101.mat").write_bytes(b"no features")
    suite.write_text(suite.read_text().replace("seeds = [1]", "seeds = [1, 2]"))
    names = []
    found = plan(suite, store, names.append)
    assert names == ["digits/pixels/strokes"]
    assert [cell.state for cell in found] == ["impossible"] * 2 + ["new"] * 4
    assert "res101.mat" in found[0].why


def test_without_features_a_cell_is_impossible_before_data_are_read(suite, store, awa2):
    (awa2 / "res101.mat").unlink()
    found = plan(suite, store)
    assert [cell.state for cell in found] == ["impossible"] + ["unread"] * 4
    assert "AWA2 has no feature file 'res101'" in found[0].why


def test_without_its_folder_a_cell_is_impossible(suite, store, awa2):
    awa2.rename(awa2.with_name("elsewhere"))
    assert states(suite, store) == ["impossible"] + ["unread"] * 4


def test_the_expected_memory_is_that_of_the_largest_finished_cell_and_a_quarter(suite, store):
    read(suite, store)
    assert expected_memory(plan(suite, store)) == 0
    finished = make_plan(Request("eszsl", "digits", seeds=(1,)))
    record, _ = run_cell(finished, finished.cells[0], store)
    assert expected_memory(plan(suite, store)) == int(1.25 * record.run.peak_memory_bytes)


def test_planning_reads_no_data_and_knows_every_id_once_they_were_read(suite, store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("gzslbench.data.load.load_dataset", None)
        assert set(states(suite, store)) == {"unread"}
    assert read(suite, store) == ["digits/pixels/strokes"]
    expected = [cell.id for run in load_suite(str(suite)).runs for cell in make_plan(run.request).cells]
    monkeypatch.setattr("gzslbench.data.load.load_dataset", None)
    found = plan(suite, store)
    assert [cell.id for cell in found] == expected and {cell.state for cell in found} == {"new"}
    assert [cell.request.seeds for cell in found] == [(1,), (1,), (2,), (1,), (2,)]


def test_done_interrupted_and_new_cells_are_told_apart(suite, store):
    read(suite, store)
    finished = make_plan(Request("eszsl", "digits", seeds=(1,)))
    run_cell(finished, finished.cells[0], store)
    begun = store.run(plan(suite, store)[2].id).path
    begun.mkdir()
    (begun / "checkpoint-final.pt").touch()
    assert states(suite, store) == ["done", "new", "interrupted", "new", "new"]


def test_a_cell_of_two_grids_is_planned_once(suite, store):
    suite.write_text(suite.read_text() + "[[grids]]" + suite.read_text().partition("[[grids]]")[2])
    read(suite, store)
    assert len(plan(suite, store)) == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 4", "epochs = 4\nset = { wings = 2 }", "wings"),
        ('"f-clswgan"]', '"f-clswgam"]', "f-clswgan"),
        ("epochs = 4", 'epochs = 4\nhead = "zlap"', "takes no head"),
    ],
)
def test_a_run_that_no_data_could_correct_is_an_error_with_its_line(suite, store, old, new, words):
    suite.write_text(suite.read_text().replace(old, new))
    with pytest.raises(ParamError, match=words) as caught:
        plan(suite, store)
    assert f"{suite}, line " in str(caught.value)


def test_a_task_is_known_until_a_file_of_its_dataset_changes(store, suite, awa2):
    request = parse_request(Request("eszsl", "AWA2", data=awa2.parent, seeds=(1,)))
    validated = parse_request(Request("eszsl", "AWA2", data=awa2.parent, seeds=(1,), select="val"))
    other = parse_request(Request("eszsl", "AWA2", semantics="att", data=awa2.parent))
    cache = TaskCache(store.root)
    assert cache.get(request) is None
    task, _ = cache.read(request)
    assert TaskCache(store.root).get(request) == task
    assert TaskCache(store.root).get(other) is None
    assert TaskCache(store.root).get(validated) is None  # its validation split is not known
    cache.read(validated)
    cache.read(request)  # forgets nothing
    assert TaskCache(store.root).get(validated).validation
    savemat(awa2 / "other_splits.mat", {"att": [[1.0]]})
    assert TaskCache(store.root).get(request) is None


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a": 1}', '{"a": {"stamp": [], "task": {}}}', "\xff"])
def test_a_damaged_cache_of_tasks_is_read_as_empty_and_written_again(store, content):
    request = parse_request(Request("eszsl", "digits"))
    cache = TaskCache(store.root)
    cache.file.write_text(content, encoding="latin-1")
    assert TaskCache(store.root).get(request) is None
    task, _ = TaskCache(store.root).read(request)
    assert TaskCache(store.root).get(request) == task


def test_a_dataset_of_a_function_is_known_until_its_module_changes(store, tmp_path, monkeypatch):
    assert [path.name for path in _source_file("gzslbench.data.synthetic.digits:load_digits")] == [
        "digits.py"
    ]
    request = parse_request(Request("eszsl", "digits", seeds=(1,)))
    module = tmp_path / "digits.py"
    module.write_text("once")
    monkeypatch.setattr("gzslbench.sweeps.planning._source_file", lambda function: [module])
    TaskCache(store.root).read(request)
    assert TaskCache(store.root).get(request) is not None
    module.write_text("changed")
    assert TaskCache(store.root).get(request) is None


def test_a_damaged_cache_is_an_empty_one(suite, store):
    read(suite, store)
    (store.root / ".tasks.json").write_text("[no json")
    assert set(states(suite, store)) == {"unread"}


def test_a_method_that_reads_regions_has_a_task_of_its_own_in_the_cache(tmp_path):
    cache = TaskCache(tmp_path)
    tasks = {
        method: [
            cache.read(parse_request(Request(method, "digits")))[0],
            cache.get(parse_request(Request(method, "digits"))),
        ]
        for method in ("eszsl", "dazle", "sae")
    }
    assert all(read == cached for read, cached in tasks.values())
    assert tasks["eszsl"] == tasks["sae"] != tasks["dazle"]
    for method, (task, _) in tasks.items():
        assert task.id == make_plan(Request(method, "digits", device="cpu")).cells[0].task
