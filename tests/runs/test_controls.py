"""``gzslbench run --control``."""

from __future__ import annotations

import json

import pytest

from gzslbench.errors import StoreError
from gzslbench.runs.cell import Cell
from gzslbench.runs.load_trained import open_trained
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store


def test_the_plain_form_of_shuffled_is_the_first_shuffle():
    plain = Request(method="eszsl", dataset="synthetic", control="shuffled")
    assert plain == Request(method="eszsl", dataset="synthetic", shuffle_semantics=1)
    own = Request(method="eszsl", dataset="synthetic", control="shuffled", shuffle_semantics=7)
    assert own == Request(method="eszsl", dataset="synthetic", shuffle_semantics=7)


def test_ids_of_runs_without_a_control_are_as_they_were():
    values = Cell("eszsl", 1, "CUB", "CUB/res101/att/ps-1", "none", {}, 7).as_dict()
    assert "control" not in values
    plan = make_plan(Request(method="eszsl", dataset="synthetic", control="shuffled"))
    assert "control" not in plan.cells[0].as_dict()


def test_other_controls_are_stamped_in_the_cell_its_id_and_the_record(gzslbench):
    record = json.loads(
        gzslbench(
            *("run", "--method", "eszsl", "--dataset", "synthetic", "--control", "oracle", "--json")
        ).stdout
    )
    assert record["cell"]["control"] == "oracle" and record["id"].startswith("eszsl-oracle-synthetic-s0-")
    assert record["cell"]["head"] == "softmax"
    assert any("half of the test_unseen rows" in note for note in record["task"]["notes"])
    shown = gzslbench("show", record["id"]).output
    assert ", control oracle" in shown and "--control oracle" in shown
    assert "0 inconsistent" in gzslbench("runs", "verify").output
    assert "(control: oracle)" in gzslbench("runs", "list").output


@pytest.mark.parametrize("control", ["oracle", "chance"])
def test_a_generative_method_has_controls_too(arguments, gzslbench, control):
    outcome = gzslbench(*arguments("--control", control, "--json", epochs=1))
    record = json.loads(outcome.stdout)
    trained = record["parameters"] > 0
    assert trained == (control == "oracle")
    assert trained or abs(record["metrics"]["last"]["T1"] - 50) < 15


def test_an_unknown_control_is_refused(gzslbench):
    outcome = gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--control", "placebo")
    assert outcome.exit_code == 2 and "'shuffled', 'oracle', 'chance'" in outcome.output


@pytest.mark.parametrize("control", ["oracle", "chance"])
def test_a_control_that_does_not_need_the_method_has_no_model_to_open(gzslbench, control):
    record = json.loads(
        gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--control", control, "--json").stdout
    )
    folder = Store("results").run(record["id"])
    with pytest.raises(StoreError, match=f"the control {control} has no trained model"):
        open_trained(folder.record(), folder)
