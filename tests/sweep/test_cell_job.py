from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gzslbench.errors import StoreError
from gzslbench.runs.plan import Request, make_plan, read_task
from gzslbench.sweep.cell_job import cell_argument, run_cell_job
from gzslbench.sweep.task_cache import TaskCache

REQUEST = Request("eszsl", "digits", seeds=(1,), settings=("alpha=1.0",))


def test_a_request_survives_the_way_to_a_worker(tmp_path):
    request = replace(REQUEST, data=tmp_path / "data", preset=tmp_path / "tuned.toml", head_settings=("a=1",))
    argument = json.loads(json.dumps(cell_argument(request, "a cell", 10)))
    assert Request.from_json(argument["request"]) == request


def test_a_worker_is_shown_one_card_and_knows_no_number_of_it():
    argument = cell_argument(replace(REQUEST, device="cuda:3"), "a cell", 10)
    assert Request.from_json(argument["request"]).device == "cuda"


def test_a_job_runs_its_cell_once_and_then_reads_its_record(tmp_path):
    (cell,) = make_plan(REQUEST).cells
    argument = {**cell_argument(REQUEST, cell.id, 10), "folder": str(tmp_path / cell.id)}
    first = run_cell_job(argument)
    assert first["record"]["id"] == cell.id and run_cell_job(argument) == first


def test_a_job_whose_data_changed_since_it_was_planned_says_so_and_has_them_read_again(tmp_path):
    cache = TaskCache(tmp_path)
    cache.store(REQUEST, read_task(REQUEST)[1])
    argument = cell_argument(REQUEST, "eszsl-digits-s1-0123456789", 10)
    with pytest.raises(StoreError, match="its data changed after") as caught:
        run_cell_job({**argument, "folder": str(tmp_path / argument["cell"])})
    assert "repeat the command" in str(caught.value) and not list(tmp_path.glob("*/"))
    assert TaskCache(tmp_path).get(REQUEST) is None
