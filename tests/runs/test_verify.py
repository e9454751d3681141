from __future__ import annotations

import errno
import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.errors import StoreError
from gzslbench.evaluation.predictions import save_predictions
from gzslbench.runs.cell import Cell
from gzslbench.runs.record import Failure
from gzslbench.runs.store import Store, read_summaries
from gzslbench.runs.verify import (
    PredictionsWarning,
    check_predictions,
    compare_predictions,
    find_problems,
    quarantine,
    read_predictions,
)


def edited(folder, change):
    content = json.loads(folder.record_file.read_text())
    change(content)
    folder.record_file.write_text(json.dumps(content))
    return find_problems(folder)


def test_a_run_as_it_was_written_has_nothing_wrong(folder):
    assert find_problems(folder) == []


def flatter(content):
    content["metrics"]["last"] |= {"U": 40.0, "S": 60.0, "H": 48.0}


def contradict(content):
    content["metrics"]["last"]["H"] += 5


def invent(content):
    content["metrics"]["test-peek"] = {**content["metrics"]["last"], "H": 99.0}


def hide_bias(content):
    content["metrics"]["last"]["unseen_to_seen"] = 1.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flatter, "by last U is 40.0000, and its predictions give 25.0000"),
        (contradict, "the harmonic mean of its U and S 28.5714"),
        (invent, "by test-peek H is 99.0000"),
        (hide_bias, "by last unseen_to_seen is 1.5000, and its predictions give"),
    ],
)
def test_numbers_edited_by_hand_are_caught(folder, change, words):
    assert any(words in problem for problem in edited(folder, change))


def test_settings_that_are_not_those_of_the_id_are_caught(folder):
    cell = Cell("ce-gzsl", 1, "CUB", "a task", "minmax", {"lr": 1.0}, 7)

    def rename(content):
        content["cell"] = {**cell.as_dict(), "params": {"lr": 2.0}}

    (found,) = edited(folder, rename)
    assert found.startswith("its settings are those of run ce-gzsl-CUB-s7-")


def test_of_another_protocol_the_id_says_nothing(folder):
    assert edited(folder, lambda content: content["cell"].update(protocol=1)) == []


def test_missing_predictions_and_damaged_records_are_named(folder):
    folder.predictions_file.unlink()
    assert find_problems(folder) == ["there are no predictions"]
    folder.record_file.write_text("{")
    assert find_problems(folder)[0].startswith("not a record")
    folder.record_file.unlink()
    assert "has not ended" in find_problems(folder)[0]


def test_a_record_that_its_predictions_confirm_gives_no_warning(record, folder, table) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_predictions(record, folder)
        assert read_predictions(record, folder).gap.tolist() == table.gap.tolist()


@pytest.mark.parametrize("name", ["U", "S", "H", "T1", "AUSUC"])
def test_a_changed_number_is_named_with_both_values(record, folder, table, name: str) -> None:
    changed = replace(record, metrics={"last": replace(record.metrics["last"], **{name: 12.5})})
    kept, again = compare_predictions(changed, table)[f"last {name}"]
    assert list(compare_predictions(changed, table)) == [f"last {name}"]
    assert (kept, again) == (12.5, pytest.approx(getattr(record.metrics["last"], name)))
    with pytest.warns(PredictionsWarning, match=f"{name} 12.5000 against {again:.4f}"):
        check_predictions(changed, folder)


def test_the_headline_is_what_is_compared(record, table) -> None:
    peek = replace(record.metrics["last"], H=99.0)
    assert compare_predictions(replace(record, metrics={**record.metrics, "test-peek": peek}), table) == {}


def test_rounding_of_another_machine_is_no_difference(record, table) -> None:
    metrics = replace(record.metrics["last"], U=record.metrics["last"].U + 1e-9)
    assert compare_predictions(replace(record, metrics={"last": metrics}), table) == {}


def test_predictions_over_other_classes_are_refused(record, folder) -> None:
    fewer = replace(record, task=replace(record.task, class_names=["cat", "dog"]))
    with pytest.raises(StoreError, match="over 5 classes, the record names 2"):
        read_predictions(fewer, folder)
    with pytest.warns(PredictionsWarning, match="over 5 classes"):
        check_predictions(fewer, folder)


def test_missing_predictions_are_an_error_only_where_they_are_needed(record, folder) -> None:
    folder.predictions_file.unlink()
    with pytest.raises(StoreError, match="there are no predictions"):
        read_predictions(record, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_predictions(record, folder)


def test_damaged_predictions_are_a_warning_when_the_record_is_shown(record, folder, table) -> None:
    save_predictions(folder.predictions_file, table)
    folder.predictions_file.write_bytes(folder.predictions_file.read_bytes()[:100])
    with pytest.warns(PredictionsWarning, match="cannot be read"):
        check_predictions(record, folder)


def test_a_diverged_run_has_none(record, folder) -> None:
    failure = Failure("critic", "game", 3)
    diverged = replace(record, status="diverged", metrics={}, parameters=None, failure=failure)
    with pytest.raises(StoreError, match="diverged: it has no predictions"):
        read_predictions(diverged, folder)


def test_a_run_in_quarantine_is_out_of_sight_and_whole(folder):
    store, files = Store(folder.path.parent), {path.name for path in folder.path.iterdir()} | {"lock"}
    first = quarantine(folder)
    assert first == store.root / "quarantine" / folder.id
    assert {path.name for path in first.iterdir()} == files
    assert store.runs() == []
    assert read_summaries(store) == []
    folder.path.mkdir()
    assert quarantine(folder).name == f"{folder.id}-1"  # replaces nothing


def test_a_run_that_the_system_refuses_to_read_is_not_moved(folder, monkeypatch, gzslbench):
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == folder.predictions_file:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    def refused(*_: object) -> None:
        raise StoreError("the predictions cannot be read (Permission denied)")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr("gzslbench.runs.verify.load_predictions", refused)
    done = gzslbench("runs", "verify", "--quarantine", str(folder.path.parent))
    assert done.exit_code == 1
    assert "not moved: cannot be read: Permission denied" in done.stderr
    assert folder.record_file.is_file()


def test_a_problem_that_passes_moves_no_run(folder, monkeypatch, gzslbench):
    answers = iter([["the record cannot be read: Input/output error"], []])
    monkeypatch.setattr("gzslbench.runs.verify.find_problems", lambda _: next(answers))
    gzslbench("runs", "verify", "--quarantine", str(folder.path.parent))
    assert folder.record_file.is_file()


def test_what_nobody_thought_of_is_a_problem_of_one_run(folder, monkeypatch):
    def fail(*_: object) -> None:
        raise KeyError("odd")

    monkeypatch.setattr("gzslbench.runs.verify.compare_predictions", fail)
    assert find_problems(folder) == ["it cannot be checked: KeyError: 'odd'"]
