"""The score of a trial is of validation classes, and the objective cannot see a test row."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data import load
from gzslbench.data.synthetic.digits import load_digits
from gzslbench.data.views import make_views
from gzslbench.runs.execute import run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.store import Store
from gzslbench.sweeps.tuning import tune
from gzslbench.sweeps.tuning.objective import Objective, PrunedTrial
from gzslbench.sweeps.tuning.tune import open_tuning
from gzslbench.testing.leak_detection import bytes_of_test_rows, find_rows, reachable_arrays

GENERATIVE = ("batch_size=64", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=1", "head_epochs=2")
CASES = [
    ("cnzsl", ("hidden=8",)),
    pytest.param("f-clswgan", (*GENERATIVE, "pretrain_epochs=1"), marks=pytest.mark.acceptance),
]


def score(objective, folder, values=None, report=lambda epoch, H: None):
    return objective("trial", values or {}, Store(folder), report, Progress())


@pytest.mark.parametrize(("method", "settings"), CASES)
def test_the_preset_has_h_of_the_validation_part_of_a_run(make_request, tmp_path, method, settings) -> None:
    request = make_request(method=method, settings=settings).run
    objective = Objective(make_plan(request))
    found = score(objective, tmp_path / "trial")
    plan = make_plan(replace(request, select="val"))
    _, folder = run_cell(plan, plan.cells[0], Store(tmp_path / "run"))
    lines = [line for line in folder.metrics() if line["leg"] == "validation" and "metrics" in line]
    assert found.value == lines[-1]["metrics"]["H"]
    by_t1 = score(Objective(make_plan(request), "T1"), tmp_path / "T1")
    assert by_t1.value == lines[-1]["metrics"]["T1"] and by_t1.metrics == found.metrics
    assert lines[-1]["metrics"].items() <= found.metrics.items() and found.metrics["T1"] > 0


def test_no_test_row_is_within_reach_of_the_objective_or_of_the_study(make_request) -> None:
    tuning = open_tuning(make_request())
    dataset = load_digits()
    view, held_out = make_views(dataset, "none", "cpu")
    rows = bytes_of_test_rows(dataset, held_out, view)
    width = dataset.features.shape[1]
    for root in (tuning.objective, tuning, tune):
        assert find_rows(rows, width, root) is None
    within = [array for _, array in reachable_arrays(tuning.objective) if array.shape[-1:] == (width,)]
    assert {len(array) for array in within} == {len(dataset.split.trainval)}  # features and regions
    semantics = {row.tobytes() for row in dataset.semantics[dataset.unseen_classes]}
    assert not semantics & {row.tobytes() for row in tuning.objective.plan.dataset.semantics}


def test_garbage_in_the_test_rows_changes_no_trial_to_the_bit(
    make_request, tuned, facts, tmp_path, monkeypatch
) -> None:
    before = tuned(make_request(trials=2))
    whole = load_digits()
    rows = np.concatenate([whole.split.test_seen, whole.split.test_unseen])
    features, semantics = whole.features.copy(), whole.semantics.copy()
    features[rows], semantics[whole.unseen_classes] = np.float32(1e6), 7
    garbage = replace(whole, features=features, semantics=semantics)
    monkeypatch.setattr(load, "load_dataset", lambda *_: garbage)
    after = tuned(make_request(trials=2, study=tmp_path / "other.journal"))
    assert after.objective.cell == before.objective.cell
    assert facts(after) == facts(before)


def test_values_replace_those_of_the_preset_and_change_the_score(make_request, tmp_path) -> None:
    objective = Objective(make_plan(make_request().run))
    ordinary, other = (
        score(objective, tmp_path / str(lr), {"lr": lr}) for lr in (objective.cell.params["lr"], 0.05)
    )
    assert ordinary == score(objective, tmp_path / "again") and ordinary.value != other.value


def test_a_diverged_trial_has_h_0_and_its_failure(make_request, tmp_path) -> None:
    objective = Objective(make_plan(make_request().run))
    found = score(objective, tmp_path, {"lr": 1e30})
    assert found.value == 0 and found.failure["term"] == "prototypes/class" and found.best_epoch is None


def test_a_trial_leaves_its_record_curve_and_log_and_nothing_large(make_request, tmp_path) -> None:
    plan = make_plan(replace(make_request().run, eval_every=1))
    score(Objective(plan), tmp_path / "whole")
    assert {path.name for path in tmp_path.glob("whole/*/*")} == {
        "record.json",
        "metrics.jsonl",
        "log.txt",
        "lock",
    }

    def give_up(epoch, H):
        if epoch == 2:
            raise PrunedTrial

    with pytest.raises(PrunedTrial):
        score(Objective(plan), tmp_path / "part", report=give_up)
    assert {path.name for path in tmp_path.glob("part/*/*")} == {"metrics.jsonl", "log.txt", "lock"}
    (curve,) = tmp_path.glob("part/*/metrics.jsonl")
    assert [json.loads(line)["epoch"] for line in curve.read_text().splitlines()] == [1, 2]


def test_early_stopping_reports_only_the_training_that_counts(tmp_path) -> None:
    """Both trainings of a trial evaluate, and an epoch has one score in the study."""
    settings = ("epochs_rule=early-stopping", "lr=0.1", "batch_size=512")
    plan = make_plan(Request("ale", "digits", settings=settings, epochs=12, eval_every=1))
    epochs = []
    found = score(Objective(plan), tmp_path, report=lambda epoch, value: epochs.append(epoch))
    assert epochs == list(range(1, found.metrics["epoch"] + 1))
