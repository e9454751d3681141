"""Fine-tuned features in validation: what fine-tuning has seen is noted, or replaced by other features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gzslbench.api.run import RunResult
from gzslbench.api.run import run as run_in_python
from gzslbench.data.dataset import (
    FINETUNED,
    SAW_VALIDATION,
    ValidationHint,
    content_fingerprint,
    finetuning_note,
)
from gzslbench.data.load import load_dataset
from gzslbench.data.validation import validation_dataset, validation_datasets
from gzslbench.data.variants import take_features
from gzslbench.errors import DataError, ParamError
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.entry import entry_of
from gzslbench.report.terminal.run import repeat_command, run_summary
from gzslbench.runs.execute import run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.record import Record, Summary
from gzslbench.runs.store import Store


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def with_features(dataset, name, factor, validation_split=None):
    """The digits with fine-tuned features: the same ones, scaled and rounded."""
    features = np.round(dataset.features * factor).astype(np.float32)
    return replace(
        dataset,
        features=features,
        features_name=name,
        content=content_fingerprint(features, dataset.labels, dataset.semantics),
        pretraining=f"none{FINETUNED}trainval",
        extraction={"finetuning": {"validation_split": validation_split}},
    )


@pytest.fixture
def tuned(digits):
    """Features of a network that has seen all of trainval."""
    return with_features(digits, "tuned", 0.5)


@pytest.fixture
def honest(digits):
    """Features of a network that has seen the training rows of the validation split alone."""
    return with_features(digits, "honest", 0.25, validation_dataset(digits).split.fingerprint)


def run(root, dataset, validation=None, **changes):
    name = None if validation is None else validation.features_name
    request = {"calibrate": "val", "validation_features": name, **changes}
    plan = make_plan(Request("eszsl", "digits", **request), dataset, validation)
    return run_cell(plan, plan.cells[0], Store(root))


def test_a_split_whose_other_rows_were_left_out_is_honest_and_others_are_noted(digits, tuned, honest):
    assert not finetuning_note(validation_dataset(digits).notes)
    assert not finetuning_note(validation_dataset(honest).notes)
    assert finetuning_note(validation_dataset(tuned).notes).startswith(SAW_VALIDATION)
    by_hand = replace(tuned, extraction={})  # features of another program, declared by --finetuned
    assert finetuning_note(validation_dataset(by_hand).notes)


def test_of_several_lists_of_validation_classes_those_that_fine_tuning_saw_are_left_out(digits, tuned):
    seen = digits.seen_classes
    lists = ValidationHint(val_classes=seen[:2], val_classes_2=seen[2:4])
    listed = replace(digits, validation=lists)
    fingerprint = validation_dataset(listed).split.fingerprint
    (only,) = validation_datasets(with_features(listed, "honest", 0.5, fingerprint))
    assert only.split.fingerprint == fingerprint
    assert len(validation_datasets(listed)) == 2
    assert len(validation_datasets(replace(tuned, validation=lists))) == 2  # it saw both: nothing is better


def test_the_record_and_every_view_say_that_fine_tuning_saw_validation(tmp_path, tuned, capsys):
    record, folder = run(tmp_path, tuned)
    assert finetuning_note(record.task.notes)
    from rich.console import Console

    Console(width=200).print(run_summary(record, folder))
    assert SAW_VALIDATION in capsys.readouterr().out
    assert SAW_VALIDATION in RunResult([record], [folder]).to_markdown()
    entry = entry_of(Summary.of(record), folder)
    labels = {rule: boards([entry], rule, "H")[0][0].rows[0].label for rule in ("last", "last-calibrated")}
    assert labels == {"last": "eszsl", "last-calibrated": f"eszsl, {SAW_VALIDATION}"}


def test_frozen_features_and_runs_without_validation_have_no_such_note(tmp_path, digits, tuned):
    assert not finetuning_note(run(tmp_path, digits)[0].task.notes)
    assert not finetuning_note(run(tmp_path, tuned, calibrate="none")[0].task.notes)


def test_gamma_comes_from_the_validation_features_and_the_test_from_the_others(
    tmp_path, digits, tuned, honest
):
    record, folder = run(tmp_path, tuned, honest)
    alone, _ = run(tmp_path, honest)
    same, _ = run(tmp_path, tuned)
    assert record.metrics["last"] == same.metrics["last"]
    (split,), (expected,) = record.calibration.splits, alone.calibration.splits
    assert split.calibration == expected.calibration and "/honest/" in split.task
    assert not finetuning_note(record.task.notes) and record.cell.task == tuned.task_id
    assert record.cell.validation_features == "honest"
    assert "--validation-features honest" in repeat_command(record)
    assert Record.from_json(folder.record_file.read_text()) == record


def test_other_validation_features_are_another_cell_and_usual_cells_keep_their_id(digits, tuned, honest):
    def cell(dataset, validation=None):
        name = None if validation is None else validation.features_name
        plan = make_plan(
            Request("eszsl", "digits", calibrate="val", validation_features=name), dataset, validation
        )
        return plan.cells[0]

    changed = replace(honest, features=honest.features + 1)
    ids = {cell(tuned).id, cell(tuned, honest).id, cell(tuned, changed).id}
    assert len(ids) == 3
    assert "validation_features" not in cell(digits).as_dict()


def test_validation_features_choose_epochs_too(tmp_path, tuned, honest):
    record, _ = run(tmp_path, tuned, honest, calibrate="none", select="val", epochs=None)
    assert "/honest/" in record.validation.task
    shuffled, _ = run(tmp_path, tuned, honest, shuffle_semantics=1)
    assert shuffled.task.semantics.endswith("-shuffled1")
    assert shuffled.task.semantics in shuffled.calibration.splits[0].task


def test_validation_features_of_other_rows_are_refused(digits, honest):
    labels = honest.labels.copy()
    labels[:2] = labels[:2][::-1] if labels[0] != labels[1] else labels[:2] + 1
    with pytest.raises(DataError, match="other rows or another split"):
        take_features(digits, replace(honest, labels=labels))


def test_validation_features_without_validation_are_refused(digits, honest):
    with pytest.raises(ParamError, match="nothing is validated") as caught:
        make_plan(Request("eszsl", "digits", validation_features="honest"), digits, honest)
    assert "--calibrate val" in caught.value.fix


def test_python_takes_validation_features(tmp_path, monkeypatch, tuned, honest):
    found = {"tuned": tuned, "honest": honest}
    monkeypatch.setattr("gzslbench.api.run.load", lambda _dataset, features, *_: found[features])
    settings = {"calibrate": "val", "results": tmp_path, "quiet": True}
    result = run_in_python("eszsl", "digits", features="tuned", validation_features="honest", **settings)
    assert result.records[0].cell.validation_features == "honest"
