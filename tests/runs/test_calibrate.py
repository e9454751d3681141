"""`--calibrate val`: gamma is chosen on validation classes, and no test row has a part in it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.data.dataset import ValidationHint
from gzslbench.data.load import load_dataset
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import InterruptedRunError, ParamError, StoreError
from gzslbench.report.figures.run_figures import figures_of_run
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import Store
from gzslbench.runs.verify import find_problems
from gzslbench.training.interruption import Interruption

SMALL = ("ngh=32", "ndh=32", "pretrain_epochs=1", "syn_num=20", "head_epochs=3", "zsl_epochs=2")
GAN = {"method": "f-clswgan", "settings": SMALL, "epochs": 2}


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def with_lists(digits):
    """Digits with three lists of validation classes."""
    seen = digits.seen_classes
    lists = {"val_classes": seen[:2], "val_classes_2": seen[2:4], "val_classes_3": seen[1:3]}
    return replace(digits, validation=ValidationHint(**lists))


def run(root, dataset, options=None, **request):
    request = {"method": "eszsl", "calibrate": "val", **request}
    plan = make_plan(Request(dataset="digits", **request), dataset)
    return run_cell(plan, plan.cells[0], Store(root), options or Options())


def ridge_scores(dataset, rows, alpha, gamma):
    """ESZSL's closed form, by its formula, with the features as they are: ``(n, K)`` scores of ``rows``."""
    train, classes = dataset.split.trainval, dataset.seen_classes
    X, S = dataset.features[train].astype(float), dataset.semantics.astype(float)
    Y = np.equal.outer(dataset.labels[train], classes).astype(float)
    left = X.T @ X + 10.0**alpha * np.eye(X.shape[1])
    right = S[classes].T @ S[classes] + 10.0**gamma * np.eye(S.shape[1])
    V = np.linalg.solve(left, X.T @ Y @ S[classes]) @ np.linalg.inv(right)
    return dataset.features[rows] @ V @ S.T


def gaps_and_sides(dataset, scores):
    seen = np.isin(np.arange(scores.shape[1]), dataset.seen_classes)
    best_seen = np.where(seen, scores, -np.inf).argmax(1)
    best_unseen = np.where(
        np.isin(np.arange(scores.shape[1]), dataset.unseen_classes), scores, -np.inf
    ).argmax(1)
    rows = np.arange(len(scores))
    return scores[rows, best_seen] - scores[rows, best_unseen], best_seen, best_unseen


def harmonic(dataset, rows, found, gamma):
    gap, best_seen, best_unseen = found
    predicted, labels = np.where(gap >= gamma, best_seen, best_unseen), dataset.labels[rows]
    means = [
        np.mean([np.mean(predicted[labels == k] == k) for k in classes if (labels == k).any()])
        for classes in (dataset.unseen_classes, dataset.seen_classes)
    ]
    return 200 * means[0] * means[1] / sum(means) if sum(means) else 0.0


def test_gamma_is_that_of_a_plain_computation_with_the_published_formula(digits, tmp_path):
    record, _ = run(tmp_path, digits, preprocessing="none", settings=("alpha=2", "gamma=1", "targets=binary"))
    held_out = validation_dataset(digits)
    rows = np.concatenate([held_out.split.test_seen, held_out.split.test_unseen])
    found = gaps_and_sides(held_out, ridge_scores(held_out, rows, 2, 1))
    best = max(harmonic(held_out, rows, found, gamma) for gamma in found[0])
    (split,) = record.calibration.splits
    assert split.calibration.H == pytest.approx(best)
    assert harmonic(held_out, rows, found, split.calibration.gamma + 1e-4) <= best
    training = gaps_and_sides(held_out, ridge_scores(held_out, held_out.split.trainval, 2, 1))[0]
    assert split.calibration.quantile == pytest.approx(np.mean(training < split.calibration.gamma), abs=0.002)
    trainval = gaps_and_sides(digits, ridge_scores(digits, digits.split.trainval, 2, 1))[0]
    gamma = np.quantile(trainval, split.calibration.quantile)
    assert record.headline.gamma == pytest.approx(gamma, abs=1e-3)
    rows = np.concatenate([digits.split.test_seen, digits.split.test_unseen])
    found = gaps_and_sides(digits, ridge_scores(digits, rows, 2, 1))
    assert record.headline.H == pytest.approx(harmonic(digits, rows, found, gamma), abs=0.5)


@pytest.mark.parametrize("request_", [{}, GAN, {**GAN, "select": "val", "eval_every": 1}])
def test_calibration_changes_no_uncalibrated_number(digits, tmp_path, request_):
    plain, one = run(tmp_path, digits, **{**request_, "calibrate": "none"})
    calibrated, other = run(tmp_path, digits, **request_)
    for rule, metrics in plain.metrics.items():
        assert calibrated.metrics[rule] == metrics
    assert one.predictions_file.read_bytes() == other.predictions_file.read_bytes()
    assert calibrated.reported == f"{plain.selection}-calibrated"
    assert calibrated.headline.H <= calibrated.metrics["test-peek-gamma"].H
    assert plain.id != calibrated.id and "calibrate" not in plain.cell.as_dict()


@pytest.mark.parametrize("request_", [{}, GAN, {**GAN, "select": "val", "eval_every": 1}])
def test_gamma_cannot_see_a_test_row(with_lists, tmp_path, request_):
    rows = np.concatenate([with_lists.split.test_seen, with_lists.split.test_unseen])
    features = np.array(with_lists.features)
    features[rows] = np.random.default_rng(0).normal(size=(len(rows), features.shape[1]))
    garbage = replace(with_lists, features=features, content="0" * 64)
    found = [run(tmp_path, dataset, **request_)[0] for dataset in (with_lists, garbage)]
    assert found[0].headline.gamma == found[1].headline.gamma
    chosen = [[split.calibration for split in record.calibration.splits] for record in found]
    assert chosen[0] == chosen[1]
    assert found[0].headline.S != found[1].headline.S


def test_gamma_is_averaged_over_the_lists_of_validation_classes(with_lists, tmp_path):
    record, folder = run(tmp_path, with_lists)
    splits = [split.calibration for split in record.calibration.splits]
    assert len(splits) == 3 and len({split.gamma for split in splits}) == 3
    assert record.calibration.transfers["gamma"].gamma == pytest.approx(np.mean([s.gamma for s in splits]))
    assert not list(folder.path.glob("checkpoint-calibration*"))
    chosen, _ = run(tmp_path, with_lists, **GAN, select="val", eval_every=1)
    assert [split.task for split in chosen.calibration.splits] == [chosen.validation.task]


def test_the_lists_are_part_of_the_cell(with_lists):
    others = replace(with_lists.validation, val_classes_3=with_lists.seen_classes[-2:])
    changed = replace(with_lists, validation=others)
    plans = [
        make_plan(Request("eszsl", "digits", calibrate=calibrate), dataset).cells[0].id
        for calibrate in ("none", "val")
        for dataset in (with_lists, changed)
    ]
    assert plans[0] == plans[1] and len(set(plans)) == 3


def test_a_run_stopped_while_gamma_is_chosen_continues_to_the_same_record(with_lists, tmp_path, monkeypatch):
    whole, _ = run(tmp_path / "whole", with_lists, **GAN)
    with monkeypatch.context() as patch:
        left = iter(range(25))
        patch.setattr(Interruption, "__call__", lambda _: next(left, None) is None)
        with pytest.raises(InterruptedRunError):
            run(tmp_path / "stopped", with_lists, **GAN)
    resumed, _ = run(tmp_path / "stopped", with_lists, Options(resume=True), **GAN)
    assert resumed.comparable() == whole.comparable()


def test_several_final_evaluations_are_averaged_with_a_gamma_of_each(digits, tmp_path):
    record, folder = run(tmp_path, digits, **GAN, eval_repeats=3)
    repeats = record.calibration.repeats
    assert len(repeats) == 3
    for name in PERCENTAGES:
        assert getattr(record.headline, name) == pytest.approx(
            np.mean([getattr(one, name) for one in repeats])
        )
        assert record.spread[name] == pytest.approx(np.std([getattr(one, name) for one in repeats], ddof=1))
    assert find_problems(folder) == []
    assert Record.from_json(record.to_json()) == record


def test_a_calibrated_number_edited_by_hand_is_caught(digits, tmp_path):
    _, folder = run(tmp_path, digits)
    assert find_problems(folder) == []
    content = json.loads(folder.record_file.read_text())
    content["metrics"]["last-calibrated"] |= {"U": 50.0, "S": 50.0, "H": 50.0}
    folder.record_file.write_text(json.dumps(content))
    assert any("by last-calibrated U is 50.0000" in problem for problem in find_problems(folder))
    del content["metrics"]["last-calibrated"]
    with pytest.raises(StoreError, match="last-calibrated is missing"):
        Record.from_dict(content)


def test_the_command_shows_both_numbers_and_the_bias(tmp_path):
    command = ["run", "--method", "eszsl", "--dataset", "digits", "--calibrate", "val"]
    outcome = CliRunner().invoke(main, [*command, "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    for words in ("last-calibrated", "test-peek-gamma", "TEST gamma", "% of unseen rows go to seen classes"):
        assert words in outcome.stdout
    (folder,) = tmp_path.iterdir()
    shown = CliRunner().invoke(main, ["show", folder.name, "--results", str(tmp_path)]).stdout
    assert "by quantile" in shown and "--calibrate val" in shown


def test_another_way_to_choose_gamma_is_refused():
    with pytest.raises(ParamError, match="gamma cannot be chosen by 'test'"):
        make_plan(Request("eszsl", "digits", calibrate="test"))


def test_classes_confusion_and_figures_of_a_calibrated_run_are_those_that_it_reports(digits, tmp_path):
    """Not those before calibration: their mean over the unseen classes is the U that the run reports."""
    record, folder = run(tmp_path, digits)
    matrix = tmp_path / "confusion.csv"
    arguments = ["show", record.id, "--results", str(tmp_path), "--classes", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--confusion", str(matrix)])
    assert done.exit_code == 0, done.output
    classes = json.loads(done.stdout)["classes"]
    means = {
        seen: np.mean([one["accuracy"] for one in classes if one["seen"] == seen]) for seen in (True, False)
    }
    assert means[False] == pytest.approx(record.headline.U) and means[True] == pytest.approx(
        record.headline.S
    )
    assert record.headline.U > record.metrics["last"].U + 10
    counts = np.loadtxt(matrix, delimiter=",", skiprows=1, usecols=range(1, 11))
    unseen = counts[digits.unseen_classes]
    right = unseen[np.arange(len(unseen)), digits.unseen_classes]
    assert np.mean(100 * right / unseen.sum(axis=1)) == pytest.approx(record.headline.U)
    bars = {found.name: found for found in figures_of_run(record, folder, with_features=False)}
    drawn = bars["class-accuracy"].draw().axes[0].patches
    assert np.mean([bar.get_width() for bar in drawn[: len(unseen)]]) == pytest.approx(record.headline.U)
    assert "calibrated" in bars["class-accuracy"].title


def test_a_calibrated_evaluation_edited_by_hand_is_caught(digits, tmp_path):
    _, folder = run(tmp_path, digits, **GAN, eval_repeats=2)
    content = json.loads(folder.record_file.read_text())
    for number, shift in enumerate((10.0, -10.0)):  # the mean stays
        content["calibration"]["repeats"][number]["H"] += shift
    folder.record_file.write_text(json.dumps(content))
    assert any("by calibrated evaluation 1 H is" in problem for problem in find_problems(folder))
