from __future__ import annotations

import pytest
from scipy.io import savemat

from gzslbench.errors import ParamError
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.execute import run_cell
from gzslbench.runs.plan import Request, make_plan, read_task
from gzslbench.runs.store import Store
from gzslbench.sweep.planning import plan_sweep, read_tasks
from gzslbench.sweep.runner import expected_memory
from gzslbench.sweep.suites.suite import load_suite
from gzslbench.sweep.task_cache import TaskCache, _source_file


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    store.make()
    return store


def planned(suite, store):
    return plan_sweep(load_suite(str(suite)), store, TaskCache(store.root))


def read(suite, store):
    return list(read_tasks(planned(suite, store), TaskCache(store.root)))


def test_data_that_cannot_be_read_make_their_cells_impossible_and_tell_why(suite, store, tmp_path):
    write_synthetic_folder("AWA2", tmp_path / "AWA2", scale=0.01)
    (tmp_path / "AWA2" / "res101.mat").write_bytes(b"no features")
    suite.write_text(
        suite.read_text().replace('"cnzsl", "f-clswgan"]\ndataset = "digits"', '"cnzsl"]\ndataset = "AWA2"')
    )
    suite.write_text(suite.read_text().replace("[shared]", f'[shared]\ndata = "{tmp_path}"'))
    cache = TaskCache(store.root)
    before = plan_sweep(load_suite(str(suite)), store, cache)
    assert list(read_tasks(before, cache)) == ["digits/pixels/strokes"]
    found = plan_sweep(load_suite(str(suite)), store, cache)
    assert [cell.state for cell in found] == ["new", "impossible", "impossible"]
    assert "res101.mat" in found[1].why


def test_a_cell_is_expected_to_take_what_the_largest_finished_one_took_and_a_quarter_more(suite, store):
    read(suite, store)
    assert expected_memory(planned(suite, store)) == 0
    plan = make_plan(Request("eszsl", "digits", seeds=(1,)))
    record, _ = run_cell(plan, plan.cells[0], store)
    assert expected_memory(planned(suite, store)) == int(1.25 * record.run.peak_memory_bytes)


def test_before_data_were_read_no_cell_has_a_name_and_none_is_read(suite, store, monkeypatch):
    monkeypatch.setattr("gzslbench.data.load.load_dataset", None)
    assert {cell.state for cell in planned(suite, store)} == {"unread"}


def test_afterwards_every_cell_has_the_name_that_running_gives_it(suite, store, monkeypatch):
    assert read(suite, store) == ["digits/pixels/strokes"]
    expected = [cell.id for run in load_suite(str(suite)).runs for cell in make_plan(run.request).cells]
    monkeypatch.setattr("gzslbench.data.load.load_dataset", None)
    found = planned(suite, store)
    assert [cell.cell.id for cell in found] == expected and {cell.state for cell in found} == {"new"}
    assert [cell.request.seeds for cell in found] == [(1,), (1,), (2,), (1,), (2,)]


def test_done_interrupted_and_new_cells_are_told_apart(suite, store):
    read(suite, store)
    plan = make_plan(Request("eszsl", "digits", seeds=(1,)))
    run_cell(plan, plan.cells[0], store)
    begun = store.run(planned(suite, store)[2].cell.id).path
    begun.mkdir()
    (begun / "checkpoint-final.pt").touch()
    assert [cell.state for cell in planned(suite, store)] == ["done", "new", "interrupted", "new", "new"]


def test_cells_asked_for_twice_are_planned_once(suite, store):
    suite.write_text(
        suite.read_text() + suite.read_text().partition("[[grids]]")[2].join(["\n[[grids]]", ""])
    )
    read(suite, store)
    assert len(planned(suite, store)) == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 4", "epochs = 4\nset = { wings = 2 }", "wings"),
        ('"f-clswgan"]', '"f-clswgam"]', "f-clswgan"),
        ("epochs = 4", 'epochs = 4\nhead = "zlap"', "takes no head"),
    ],
)
def test_what_no_data_could_mend_is_told_at_once_with_its_line(suite, store, old, new, words):
    suite.write_text(suite.read_text().replace(old, new))
    with pytest.raises(ParamError, match=words) as caught:
        planned(suite, store)
    assert f"{suite}, line " in str(caught.value)


def test_data_that_are_not_there_are_impossible_and_the_others_go_on(suite, store, tmp_path):
    suite.write_text(suite.read_text().replace('method = "eszsl"\ndataset = "digits"',
                                               'method = "eszsl"\ndataset = ["digits", "AWA2"]'))  # fmt: skip
    suite.write_text(suite.read_text().replace("[shared]", f'[shared]\ndata = "{tmp_path}"'))
    read(suite, store)
    states = [cell.state for cell in planned(suite, store)]
    assert states == ["new", "impossible", "new", "new", "new", "new"]


def test_a_task_is_known_until_one_of_its_files_changes(store, tmp_path):
    write_synthetic_folder("AWA2", tmp_path / "AWA2", scale=0.01)
    request = Request("eszsl", "AWA2", data=tmp_path, seeds=(1,))
    plan = make_plan(request)
    cache = TaskCache(store.root)
    assert cache.get(request) is None
    cache.store(request, read_task(request)[1])
    assert TaskCache(store.root).get(request).id == plan.dataset.task_id
    assert TaskCache(store.root).get(Request("eszsl", "AWA2", semantics="att", data=tmp_path)) is None
    validated = Request("eszsl", "AWA2", data=tmp_path, seeds=(1,), select="val")
    assert TaskCache(store.root).get(validated) is None  # its validation split is not known
    cache.store(validated, read_task(validated)[1])
    cache.store(request, read_task(request)[1])  # forgets nothing
    assert TaskCache(store.root).get(validated).validation
    savemat(tmp_path / "AWA2" / "other_splits.mat", {"att": [[1.0]]})
    assert TaskCache(store.root).get(request) is None


def test_a_dataset_that_a_function_makes_is_known_until_its_module_changes(store, tmp_path, monkeypatch):
    request = Request("eszsl", "digits", seeds=(1,))
    module = tmp_path / "digits.py"
    module.write_text("once")
    monkeypatch.setattr("gzslbench.sweep.task_cache._source_file", lambda function: [module])
    TaskCache(store.root).store(request, read_task(request)[1])
    assert TaskCache(store.root).get(request) is not None
    module.write_text("changed")
    assert TaskCache(store.root).get(request) is None


def test_the_module_of_a_function_is_found():
    assert [path.name for path in _source_file("gzslbench.data.synthetic.digits:load_digits")] == [
        "digits.py"
    ]


def test_without_any_features_it_is_impossible_before_anything_is_read(suite, store, tmp_path):
    write_synthetic_folder("AWA2", tmp_path / "AWA2", scale=0.01)
    (tmp_path / "AWA2" / "res101.mat").unlink()
    suite.write_text(suite.read_text().replace('dataset = "digits"\nseeds', 'dataset = "AWA2"\nseeds'))
    suite.write_text(suite.read_text().replace("[shared]", f'[shared]\ndata = "{tmp_path}"'))
    found = planned(suite, store)
    assert found[0].state == "impossible" and "there are no features 'res101'" in found[0].why


def test_what_is_remembered_may_be_damaged_or_gone(suite, store):
    read(suite, store)
    (store.root / ".tasks.json").write_text("[no json")
    assert {cell.state for cell in planned(suite, store)} == {"unread"}
