from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares
from gzslbench.runs.record import RunMetrics

NAMES = ["cat", "dog", "fox", "owl", "bee"]


def test_all_of_a_run_is_shown(invoke, store, record) -> None:
    done = invoke("show", "ce-gzsl-CUB")
    assert done.exit_code == 0
    for text in (
        record.id,
        record.task.id,
        "rows of test_seen are in [val_loc]",
        "ab" * 32,
        "0.0001",
        "12345",
        "2.13.0",
        "record.json",
    ):
        assert text in done.output


def test_rules_that_choose_on_test_say_so_and_others_do_not(invoke, store) -> None:
    rows = {line.split()[0]: line for line in invoke("show", "ce-gzsl").output.splitlines() if line.strip()}
    assert rows["last"].split()[1:8] == ["40.00", "60.00", "48.00", "55.50", "30.25", "12", "25"]
    assert "TEST" not in rows["last"]
    assert "TEST" in rows["test-peek"]
    assert "TEST" in rows["test-peek-inner"]
    assert "val" not in rows


def test_the_command_repeats_this_seed_alone(invoke, store) -> None:
    last = invoke("show", "ce-gzsl").output.splitlines()[-1].strip()
    assert last == (
        "gzslbench run --method ce-gzsl --dataset CUB --features res101 --semantics sent --eval-every 0"
        " --select last --preprocessing minmax --device cpu --precision fp32 --seed 7 --rerun"
    )


def test_the_command_is_whole_where_it_is_longer_than_the_line(invoke, store, record) -> None:
    data = f"/data/{'x' * 200}"
    folder = store.run(record.id)
    with folder.lock():
        folder.write_record(
            replace(record, run=replace(record.run, command=["gzslbench", "run", "--data", data]))
        )
    last = invoke("show", "ce-gzsl").output.splitlines()[-1]
    assert f"--data {data} --rerun" in last


def test_what_a_run_does_not_have_is_left_out(invoke, store, record) -> None:
    names = [line.split()[0] for line in invoke("show", "ce-gzsl").output.splitlines() if line.strip()]
    assert record.cell.validation is None and "validation" not in names
    assert "seed" in names


def test_json_is_the_record(invoke, store, record) -> None:
    assert json.loads(invoke("show", record.id, "--json").output) == record.as_dict()


def test_a_run_of_another_folder_is_found(invoke, store, record, monkeypatch, tmp_path_factory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert invoke("show", "ce-gzsl", "--results", str(store.root)).exit_code == 0
    assert invoke("show", str(store.run(record.id).path)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("show", "ce-gzls"), "nearest of 1 runs"), (("show", "a", "--results", "nowhere"), "--results")],
)
def test_an_unknown_run_is_refused(invoke, store, arguments: tuple[str, ...], complaint: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_damaged_record_is_refused_by_file(invoke, store, record) -> None:
    store.run(record.id).record_file.write_text('{"schema": 1}')
    done = invoke("show", record.id)
    assert done.exit_code == 2
    assert "record.json: field 'id'" in done.stderr


def test_a_diverged_run_says_what_happened(invoke, store, record) -> None:
    values = {
        **record.as_dict(),
        "status": "diverged",
        "metrics": {},
        "parameters": None,
        "failure": {"term": "gradient_penalty", "stage": "game", "epoch": 3},
    }
    store.run(record.id).write_record(type(record).from_dict(values))
    done = invoke("show", record.id)
    assert done.exit_code == 0
    failure = done.output.partition("failure")[2].split()[:6]
    assert failure == ["term", "gradient_penalty", "stage", "game", "epoch", "3"]


def test_an_unfinished_run_says_so_and_how_to_continue(invoke, store) -> None:
    folder = store.run("f-clswgan-CUB-s7-0123456789")
    with folder.lock():
        folder.append_metrics({"epoch": 1})
    for run in (folder.id, "f-clswgan", str(folder.path)):
        done = invoke("show", run)
        assert done.exit_code == 2
        assert f"run {folder.id} has no record: it was interrupted" in done.stderr
        assert "--resume" in done.stderr


def test_a_record_that_may_not_be_read_says_to_make_it_readable(invoke, store, record, monkeypatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = invoke("show", record.id)
    assert done.exit_code == 2
    assert "record.json" in done.stderr
    assert "make it readable" in done.stderr
    assert "writable" not in done.stderr


@pytest.mark.parametrize("arguments", [["a" * 300], ["a", "--results", "a" * 300]])
def test_a_name_longer_than_any_file_may_have_is_refused(invoke, store, arguments: list[str]) -> None:
    done = invoke("show", *arguments)
    assert done.exit_code == 2
    assert "give a shorter name" in done.stderr


@pytest.fixture
def predicted(store, record):
    """The run with predictions that bear out its record."""
    predictions = Predictions(
        labels=np.array([0, 0, 1, 3, 4]),
        best_seen=np.array([0, 2, 1, 0, 1]),
        best_unseen=np.array([3, 4, 3, 3, 4]),
        gap=np.array([1, 0.5, -1, 2, -2], np.float32),
        zsl=np.array([3, 4]),
        seen=np.array([True, True, True, False, False]),
    )
    metrics = RunMetrics(**metrics_of(predictions).as_dict(), epoch=12, head_epoch=25)
    folder, task = store.run(record.id), replace(record.task, class_names=NAMES)
    folder.write_record(replace(record, metrics={"last": metrics}, task=task))
    save_predictions(folder.predictions_file, predictions)
    return folder


def test_below_the_metrics_are_their_intervals_over_classes(invoke, predicted, record) -> None:
    assert "–" in next(line for line in shown_lines(invoke) if "95 % over classes" in line)  # too few classes
    random, classes = np.random.default_rng(0), np.repeat(np.arange(16), 9)
    best_seen = np.where(random.random(144) < 0.7, classes % 8, (classes + 1) % 8)
    found = Predictions(
        labels=classes,
        best_seen=best_seen,
        best_unseen=best_seen + 8,
        gap=random.normal(size=144).astype(np.float32),
        zsl=best_seen[72:] + 8,
        seen=np.arange(16) < 8,
    )
    save_predictions(predicted.predictions_file, found)
    intervals = class_intervals(class_shares(found))
    (line,) = (line for line in shown_lines(invoke) if "95 % over classes" in line)
    expected = ["{:.1f} to {:.1f}".format(*intervals[name]) for name in ("U", "S", "H", "T1", "AUSUC")]
    assert line.split("95 %")[0].split() == " ".join(expected).split()


def test_without_predictions_it_says_that_there_are_no_intervals(invoke, store) -> None:
    assert "no intervals over classes: the run has no predictions" in invoke("show", "ce").output


def shown_lines(invoke):
    return invoke("show", "ce").output.splitlines()


def test_classes_and_curve_are_shown_alone_and_together(invoke, predicted) -> None:
    classes, curve, both = (
        invoke("show", "ce", *flags) for flags in (["--classes"], ["--curve"], ["--classes", "--curve"])
    )
    assert [done.exit_code for done in (classes, curve, both)] == [0, 0, 0]
    rows = [line.split()[0] for line in classes.stdout.splitlines()[4:]]
    assert rows == ["owl", "bee", "cat", "dog", "fox"]
    assert "classes by last: percent of each class's test rows" in classes.stdout
    assert "AUSUC" in curve.stdout
    assert "chosen on TEST" in curve.stdout
    assert set(classes.stdout.splitlines()) | set(curve.stdout.splitlines()) == set(both.stdout.splitlines())
    assert not both.stderr


def test_json_is_the_record_with_the_requested_parts(invoke, predicted) -> None:
    plain = json.loads(invoke("show", "ce", "--json").stdout)
    done = json.loads(invoke("show", "ce", "--json", "--classes", "--curve").stdout)
    classes, curve = done.pop("classes"), done.pop("curve")
    assert done.pop("class_intervals") == dict.fromkeys(("U", "S", "H", "T1", "AUSUC"))  # too few classes
    assert done == plain
    assert classes[0] == {
        "name": "owl",
        "seen": False,
        "rows": 1,
        "accuracy": 0.0,
        "confused_with": "cat",
        "share": 100.0,
    }
    assert curve["AUSUC"] == plain["metrics"]["last"]["AUSUC"]


def test_the_confusion_matrix_is_written_with_names(invoke, predicted, tmp_path) -> None:
    done = invoke("show", "ce", "--confusion", "confusion.csv")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "wrote confusion.csv\n")
    rows = [line.split(",") for line in (tmp_path / "confusion.csv").read_text().splitlines()]
    assert rows[0][1:] == NAMES
    assert rows[1] == ["cat", "1", "0", "1", "0", "0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["confusion.csv", "results"]


@pytest.mark.parametrize("file", ["confusion.txt", "csv"])
def test_a_file_of_another_kind_is_refused_and_nothing_is_written(
    invoke, predicted, tmp_path, file: str
) -> None:
    done = invoke("show", "ce", "--confusion", file)
    assert done.exit_code == 2
    assert "--confusion" in done.stderr
    assert f"{file} must end in" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_file_that_cannot_be_written_is_an_error_that_says_what_to_do(invoke, predicted) -> None:
    done = invoke("show", "ce", "--confusion", "nowhere/matrix.csv")
    assert done.exit_code == 2
    assert "nowhere/matrix.csv" in done.stderr
    assert "name a file in an existing folder" in done.stderr


@pytest.mark.parametrize("wanted", [["--classes"], ["--curve"], ["--confusion", "confusion.csv"]])
def test_without_predictions_what_needs_them_is_refused(invoke, predicted, wanted: list[str]) -> None:
    predicted.predictions_file.unlink()
    assert invoke("show", "ce").exit_code == 0
    done = invoke("show", "ce", *wanted)
    assert done.exit_code == 2
    assert "there are no predictions" in done.stderr
    assert "predictions.npz" in done.stderr


@pytest.mark.parametrize("wanted", [[], ["--json"], ["--classes"]])
def test_a_record_that_differs_from_its_predictions_is_a_warning(
    invoke, predicted, wanted: list[str]
) -> None:
    record = predicted.record()
    right = record.metrics["last"].U
    predicted.write_record(replace(record, metrics={"last": replace(record.metrics["last"], U=12.5)}))
    done = invoke("show", "ce", *wanted)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: the record's metrics are not those of its predictions")
    assert f"U 12.5000 against {right:.4f}" in done.stderr
    if wanted == ["--json"]:
        assert json.loads(done.stdout)["metrics"]["last"]["U"] == 12.5
