"""`--eval-repeats`: several final evaluations of one model, their mean, and their spread."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean, stdev

import pytest

from gzslbench.errors import ParamError, StoreError
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import Store
from gzslbench.runs.verify import find_problems

SMALL = ("ngh=32", "ndh=32", "pretrain_epochs=1", "syn_num=20", "head_epochs=3", "zsl_epochs=2")


def run(root, repeats, **changes):
    request = Request("f-clswgan", "digits", settings=SMALL, epochs=1, eval_repeats=repeats, **changes)
    plan = make_plan(request)
    return run_cell(plan, plan.cells[0], Store(root), Options())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    return {repeats: run(root, repeats) for repeats in (1, 3)}


def test_the_headline_is_the_mean_and_the_spread_is_told(runs):
    record, _ = runs[3]
    assert len(record.repeats) == 3
    assert len({one.AUSUC for one in record.repeats}) > 1
    for name in PERCENTAGES:
        values = [getattr(one, name) for one in record.repeats]
        assert getattr(record.headline, name) == pytest.approx(mean(values))
        assert record.spread[name] == pytest.approx(stdev(values))


def test_the_first_evaluation_is_that_of_a_run_with_one(runs):
    """So more evaluations change no random number of the training or of the first evaluation."""
    one, several = runs[1][0], runs[3][0]
    assert one.repeats is None and one.spread == {}
    assert several.repeats[0] == type(several.repeats[0])(**one.headline.as_dict())
    assert one.metrics["test-peek"] == several.metrics["test-peek"]
    assert one.id != several.id


def test_gamma_chosen_on_test_is_chosen_in_each_evaluation_and_its_metrics_are_the_mean(runs):
    """So it is an upper bound for the mean of the evaluations, which it stands beside."""
    one, several = (runs[repeats][0].metrics["test-peek-gamma"] for repeats in (1, 3))
    assert several.T1 == pytest.approx(runs[3][0].headline.T1)
    assert several.AUSUC == pytest.approx(runs[3][0].headline.AUSUC)
    assert several.H >= runs[3][0].headline.H
    assert (several.gamma, several.unseen_to_seen) == (one.gamma, one.unseen_to_seen)


def test_a_run_with_one_evaluation_has_the_cell_of_earlier_versions(runs):
    assert "eval_repeats" not in runs[1][0].cell.as_dict()
    assert "repeats" not in runs[1][0].as_dict()
    assert runs[3][0].cell.as_dict()["eval_repeats"] == 3


def test_the_record_survives_its_file_and_its_checks(runs):
    for record, folder in runs.values():
        assert Record.from_json(record.to_json()) == record
        assert find_problems(folder) == []


def test_an_edited_mean_or_evaluation_is_found(runs, tmp_path):
    record, _ = runs[3]
    values = json.loads(record.to_json())
    values["metrics"]["last"]["T1"] += 1
    with pytest.raises(StoreError, match="mean over repeats"):
        Record.from_dict(values)
    store = Store(tmp_path)
    again, folder = run(tmp_path, 3)
    edited = [replace(one, U=one.U + 1, H=one.H) for one in again.repeats]
    metrics = {**again.metrics, "last": replace(again.headline, U=again.headline.U + 1)}
    with folder.lock():
        folder.write_record(replace(again, repeats=edited, metrics=metrics))
    problems = find_problems(store.run(again.id))
    assert any("evaluation 1 H is" in problem for problem in problems)
    assert any("its predictions give" in problem for problem in problems)


def test_a_scoring_method_is_evaluated_once():
    plan = make_plan(Request("eszsl", "digits", eval_repeats=5))
    assert plan.cells[0] == make_plan(Request("eszsl", "digits")).cells[0]


def test_no_evaluation_at_all_is_refused():
    with pytest.raises(ParamError, match="evaluated 0 times"):
        make_plan(Request("f-clswgan", "digits", eval_repeats=0))


def test_selection_on_validation_classes_averages_too(tmp_path):
    record, folder = run(tmp_path, 2, select="val", eval_every=1)
    assert set(record.metrics) == {"val", "test-peek-gamma"} and len(record.repeats) == 2
    assert record.headline.H == pytest.approx(mean(one.H for one in record.repeats))
    assert find_problems(folder) == []
