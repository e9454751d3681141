"""gzslbench evaluate, and what every view says of an external result."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.evaluation.predictions import load_predictions, save_predictions
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.runs.store import Store

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def task():
    return load_dataset("synthetic")


@pytest.fixture
def scores(task, tmp_path):
    """Scores and labels in files, right for most rows."""
    truth = task.labels[RowMatcher(task).rows]
    values = np.random.default_rng(0).normal(size=(len(truth), 30)) + 2 * np.eye(30)[truth]
    np.save(tmp_path / "scores.npy", values)
    lines = [f"{row},{label}" for row, label in zip(RowMatcher(task).rows, values.argmax(1), strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(["row,class", *lines]))
    return values


STATED = ("--selection", "stated", "--selection-text", "last epoch", "--pretraining", "none")


@pytest.fixture
def results(gzslbench, scores):
    """A run made here, an external result that can be compared with it, and one of unknown selection."""
    for command in (
        ("run", "--method", "eszsl", "--dataset", "synthetic"),
        ("evaluate", "scores.npy", "--dataset", "synthetic", "--name", "A & B_1 <net>", *STATED),
        ("evaluate", "labels.csv", "--dataset", "synthetic", "--name", "Labels only"),
    ):
        outcome = gzslbench(*command)
        assert outcome.exit_code == 0, outcome.output
    return gzslbench


def test_the_leaderboard_ranks_no_external_result_and_marks_each(results):
    boards = json.loads(results("leaderboard", "--format", "json").stdout)["boards"]
    kinds = [[(row["kind"], row["method"]) for row in board["rows"]] for board in boards]
    assert kinds == [
        [("runs", "eszsl"), ("external", "A & B_1 <net> (external)")],
        [("external", "Labels only (external)")],
    ]
    assert "their selection is unknown" in boards[1]["reason"]
    assert "selection 'last epoch', pretraining 'none'" in boards[0]["rows"][1]["source"]
    (labels,) = boards[1]["rows"][0]["scores"].values()
    assert set(labels) == {"U", "S", "H"}
    for form, name in (
        ("md", "A & B"),
        ("latex", "A \\& B\\_1"),
        ("html", "A &amp; B_1 &lt;net&gt;"),
        ("console", "A & B"),
    ):
        text = results("leaderboard", "--format", form).stdout
        assert name in text and text.count("(external)") >= 2, form
    lines = list(csv.DictReader(io.StringIO(results("leaderboard", "--format", "csv").stdout)))
    assert {line["kind"] for line in lines if "(external)" in line["method"]} == {"external"}


def test_an_external_row_names_its_record_and_has_no_empty_cell(results):
    (stored,) = (one for one in results("runs", "list").stdout.split() if one.startswith("external-a"))
    boards = json.loads(results("leaderboard", "--format", "json").stdout)["boards"]
    (metrics,) = boards[0]["rows"][1]["scores"].values()
    assert metrics["H"]["runs"] == [stored]
    lines = csv.DictReader(io.StringIO(results("leaderboard", "--format", "csv").stdout))
    assert {line["runs"] for line in lines if line["method"].startswith("A & B")} == {stored}
    table = results("leaderboard", "--costs", "--format", "md").stdout
    (row,) = (line for line in table.splitlines() if line.startswith("| A & B"))
    assert row.split(" | ")[5:] == ["external", *["–"] * 2, "– |"]


def test_list_show_and_compare_say_that_a_result_is_external(results):
    listed = results("runs", "list").stdout
    assert "external-labels-only-synthetic-s0-" in listed and "(external: Labels only)" in listed
    shown = results("show", "external-a-b-1-net").stdout
    assert "external result, as its author states" in shown and "last epoch" in shown
    assert "gzslbench evaluate FILE --dataset synthetic" in shown
    assert "external results are not compared" in results("compare").stdout
    assert results("runs", "verify").exit_code == 0


def test_verification_with_the_data_finds_other_true_classes(results, tmp_path):
    done = results("runs", "verify", "--data", ".")
    assert done.exit_code == 0 and "not compared" not in done.output
    (folder,) = (one for one in Store(tmp_path / "results").runs() if one.id.startswith("eszsl"))
    predictions = load_predictions(folder.predictions_file)
    both = {name: getattr(predictions, name).copy() for name in ("labels", "best_seen")}
    first, last = np.flatnonzero(predictions.seen)[[0, -1]]
    for values in both.values():  # the same metrics, for other classes
        swapped = (values == first) | (values == last)
        values[swapped] = first + last - values[swapped]
    save_predictions(folder.predictions_file, replace(predictions, **both))
    assert results("runs", "verify").exit_code == 0
    done = results("runs", "verify", "--data", ".")
    assert done.exit_code == 1 and "true classes are not those of the data" in done.stdout


def test_of_labels_alone_there_are_classes_but_no_curve(results):
    assert "class 1" in results("show", "external-labels-only", "--classes").stdout
    outcome = results("show", "external-labels-only", "--curve")
    assert outcome.exit_code == 2
    assert "predicted labels alone have no seen-unseen curve" in outcome.output
    record = json.loads(results("show", "external-labels-only", "--json", "--classes").stdout)
    assert record["metrics"]["external"]["AUSUC"] is record["class_intervals"]["AUSUC"] is None


def test_the_report_and_its_figures_mark_external_results(results, tmp_path):
    pytest.importorskip("matplotlib")
    assert results("report", "--out", "site").exit_code == 0
    front = (tmp_path / "site" / "index.html").read_text()
    assert front.count('<tbody class="external">') >= 2
    (page,) = (tmp_path / "site" / "runs").glob("external-labels*.html")
    assert "external result, not ranked" in page.read_text()
    assert "Data: external result, synthetic data." in page.read_text()
    assert results("show", "external-labels", "--figures", "figures", "--figure-format", "svg").exit_code == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"class-accuracy.svg", "confusion.svg"}


def test_commands_that_need_a_run_refuse_an_external_result(results, tmp_path):
    (folder,) = (one for one in Store(tmp_path / "results").runs() if one.id.startswith("external-a"))
    outcome = results("predict", folder.id, "scores.npy")
    assert outcome.exit_code == 2
    assert "is an external result: it has no trained model" in outcome.output
    outcome = results("run", "--method", "external-a-b-1-net", "--dataset", "synthetic")
    assert outcome.exit_code == 2
    assert "results of other programs cannot be run" in outcome.output


def test_templates_lead_to_a_stored_result(gzslbench):
    assert gzslbench("evaluate", "--dataset", "synthetic", "--template", "mine.csv").exit_code == 0
    for file in ("mine.csv", "mine-scores.csv"):
        outcome = gzslbench("evaluate", file, "--dataset", "synthetic", "--name", "Mine", "--json")
        assert outcome.exit_code == 0, outcome.output
        assert json.loads(outcome.stdout)["cell"]["external"]["name"] == "Mine"
    assert gzslbench("evaluate", "--dataset", "synthetic", "--template", "mine.csv").exit_code == 2


def test_templates_that_broke_off_between_their_files_can_be_repeated(gzslbench, tmp_path):
    line = ("evaluate", "--dataset", "synthetic", "--template", tmp_path / "mine.csv")
    assert gzslbench(*map(str, line)).exit_code == 0
    scores = tmp_path / "mine-scores.csv"
    whole = scores.read_bytes()
    scores.unlink()
    assert gzslbench(*map(str, line)).exit_code == 0
    assert scores.read_bytes() == whole
    scores.unlink()
    (tmp_path / "mine.csv").write_text("filled in\n")
    assert gzslbench(*map(str, line)).exit_code == 2
    assert (tmp_path / "mine.csv").read_text() == "filled in\n"


@pytest.mark.parametrize(("make", "name"), [(Path.mkdir, "mine-scores.csv"), (os.mkfifo, "mine.csv")])
def test_a_folder_or_a_pipe_is_not_read_as_an_earlier_template(gzslbench, tmp_path, make, name):
    make(tmp_path / name)
    done = gzslbench("evaluate", "--dataset", "synthetic", "--template", str(tmp_path / "mine.csv"))
    assert done.exit_code == 2 and "the file exists already" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give FILE and --name"),
        (("scores.npy",), "give FILE and --name"),
        (("scores.npy", "--name", "a", "--selection", "stated"), "needs --selection-text"),
        (("scores.npy", "--name", "a", "--selection", "unknown", "--selection-text", "b"), "needs"),
        (("no.npy", "--name", "a"), "No such file"),
    ],
)
def test_wrong_arguments_store_nothing(gzslbench, scores, tmp_path, arguments, message):
    outcome = gzslbench("evaluate", *arguments, "--dataset", "synthetic")
    assert outcome.exit_code == 2
    assert message in outcome.output
    assert not (tmp_path / "results").exists()


def test_a_submission_goes_out_and_comes_in(results, tmp_path):
    assert "wrote 3 runs to sent" in results("runs", "export", "--out", "sent").stdout
    outcome = results("runs", "import", "sent", "--results", "theirs")
    assert outcome.stdout == "3 stored, 0 stored already, 0 refused\n"
    assert outcome.stderr == ""
    assert results("runs", "export", "--out", "sent.tar").exit_code == 2
