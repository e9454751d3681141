"""A dataset that goes along to where its files are not."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import fields

import numpy as np
import pytest

from gzslbench.errors import DataError
from gzslbench.plugins.params import parse_assignments
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.plan import DatasetHandle, Request, make_plan
from gzslbench.sweeps.runner import cell_argument, run_cell_job


@pytest.fixture
def request_of_files(tmp_path):
    write_synthetic_folder("APY", tmp_path / "data" / "APY", scale=0.01)
    return Request("eszsl", "APY", data=tmp_path / "data", settings=("alpha=1.0",), seeds=(1,))


def carried(request):
    """The arrays that are sent next to the pickle, and the dataset as it arrives."""
    buffers = []
    content = pickle.dumps(DatasetHandle.of(request), protocol=5, buffer_callback=buffers.append)
    return buffers, pickle.loads(content, buffers=buffers)


def test_what_arrives_is_what_was_read(request_of_files) -> None:
    read = make_plan(request_of_files).dataset
    buffers, arrived = carried(request_of_files)
    for field in fields(read):
        expected, found = getattr(read, field.name), getattr(arrived, field.name)
        if isinstance(expected, np.ndarray):
            assert expected.dtype == found.dtype and np.array_equal(expected, found)
        elif field.name not in ("split", "validation"):
            assert expected == found
    assert arrived.task_id == read.task_id
    assert read.features.nbytes in {buffer.raw().nbytes for buffer in buffers}


@pytest.mark.parametrize("changes", [{}, {"shuffle_semantics": 3}, {"select": "val"}])
def test_a_cell_that_has_its_data_with_it_needs_no_files(request_of_files, tmp_path, changes) -> None:
    request = Request.from_json({**request_of_files.for_a_worker(), **changes})
    (cell,) = make_plan(request).cells

    def record_of(results, **more):
        argument = {**cell_argument(request, cell.id, 10), "folder": str(tmp_path / results / cell.id)}
        record = run_cell_job({**argument, **more})["record"]
        record.pop("run"), record.pop("sha256", None)
        return json.dumps(record)

    there = record_of("there")
    _, dataset = carried(request)
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError):
        record_of("none")
    assert record_of("gone", dataset=dataset) == there


def test_data_that_cannot_be_read_are_an_error_where_they_are_sent_from(request_of_files, tmp_path) -> None:
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError, match="APY"):
        pickle.dumps(DatasetHandle.of(request_of_files))


def test_settings_are_parsed_once(monkeypatch) -> None:
    parsed = []

    def count(cls, assignments, *option):
        parsed.append(assignments)
        return parse_assignments(cls, assignments, *option)

    monkeypatch.setattr("gzslbench.runs.plan.parse_assignments", count)
    (cell,) = make_plan(Request("ale", "digits", settings=("epochs_rule=early-stopping", "lr=0.2"))).cells
    assert parsed == [("epochs_rule=early-stopping", "lr=0.2")]
    assert cell.params["lr"] == 0.2 and cell.validation
