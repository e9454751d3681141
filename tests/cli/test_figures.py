"""Figures from the command line: of a small run, and of runs that were written by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import save_predictions
from gzslbench.runs.record import RunMetrics
from gzslbench.runs.store import RunFolder, Store

SETTINGS = ("batch_size=256", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=1", "head_epochs=1")
OF_PREDICTIONS = ["seen-unseen", "gamma", "class-accuracy", "confusion"]


def called(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A results folder with a run of a generative method."""
    root = tmp_path_factory.mktemp("made")
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    options = ["--device", "cpu", "--epochs", "2", "--eval-every", "1", "--results", root, *settings]
    done = called("run", "--method", "f-clswgan", "--dataset", "digits", *options)
    assert done.exit_code == 0, done.output
    return root


@pytest.fixture
def generative(made, tmp_path, monkeypatch) -> str:
    """A copy of that run, below the folder that commands are called from."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "results")
    return Store(tmp_path / "results").runs()[0].id


@pytest.fixture
def scoring(record, table, tmp_path, monkeypatch) -> RunFolder:
    """A run of a method without a head, with predictions and without epochs."""
    monkeypatch.chdir(tmp_path)
    folder = Store("results").run(record.id)
    folder.path.mkdir(parents=True)
    metrics = RunMetrics(**metrics_of(table).as_dict(), epoch=12, head_epoch=25)
    task = replace(record.task, class_names=["cat", "dog", "fox", "owl", "bee"])
    folder.write_record(replace(record, metrics={"last": metrics}, task=task))
    save_predictions(folder.predictions_file, table)
    return folder


def files(folder):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.acceptance
def test_all_figures_of_a_run_are_written_and_nothing_is_printed(generative):
    done = called("show", generative, "--figures", "figures")
    assert (done.exit_code, done.stdout) == (0, "")
    names = ["training-curves", *OF_PREDICTIONS, "features"]
    assert files("figures") == sorted(f"{name}.{form}" for name in names for form in ("png", "svg"))
    assert done.stderr.splitlines() == [
        f"wrote figures/{name}.{form}" for name in names for form in ("png", "svg")
    ]
    for path in Path("figures").glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    for path in Path("figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.acceptance
def test_without_the_checkpoint_the_features_alone_are_left_out(generative):
    Store("results").run(generative).checkpoint_file("final").unlink()
    done = called("show", generative, "--figures", "figures", "--figure-format", "svg")
    assert done.exit_code == 0
    assert "left out features: there is no checkpoint of the trained model; " in done.stderr
    assert files("figures") == sorted(f"{name}.svg" for name in ("training-curves", *OF_PREDICTIONS))


def test_the_reason_is_given_for_what_cannot_be_drawn(scoring):
    done = called("show", scoring.id, "--figures", "figures", "--figure-format", "pdf")
    assert done.exit_code == 0
    assert files("figures") == sorted(f"{name}.pdf" for name in OF_PREDICTIONS)
    reported = [line for line in done.stderr.splitlines() if not line.startswith("wrote")]
    assert reported == [
        "left out training-curves: the method trains no epochs",
        "left out features: the method scores classes itself and synthesizes nothing",
    ]


def test_json_and_the_requested_parts_stay_as_they_are(scoring):
    plain = called("show", scoring.id, "--json", "--classes")
    done = called("show", scoring.id, "--json", "--classes", "--figures", "figures", "--figure-format", "png")
    assert json.loads(done.stdout) == json.loads(plain.stdout)
    assert len(files("figures")) == len(OF_PREDICTIONS)


def test_an_existing_folder_is_used_and_its_other_files_are_left_alone(scoring):
    Path("figures").mkdir()
    Path("figures/notes.txt").write_text("mine")
    Path("figures/confusion.png").write_text("old")
    assert called("show", scoring.id, "--figures", "figures", "--figure-format", "png").exit_code == 0
    assert Path("figures/notes.txt").read_text() == "mine"
    assert Path("figures/confusion.png").read_bytes().startswith(b"\x89PNG")
    assert not [name for name in files("figures") if name.startswith(".")]


COMMANDS = pytest.mark.parametrize("command", [["show", "ce-gzsl"], ["leaderboard"]])


@COMMANDS
def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_drawn(scoring, command, monkeypatch):
    def fail(*_):
        raise AssertionError("it was drawn")

    for module in ("run_figures.figures_of_run", "leaderboards.figures_of_boards"):
        monkeypatch.setattr(f"gzslbench.report.figures.{module}", fail)
    Path("file").write_text("")
    done = called(*command, "--figures", "file/below")
    assert done.exit_code == 2
    assert "the folder for figures cannot be written" in done.stderr
    assert "file/below" in done.stderr and "name a folder that can be written" in done.stderr


@COMMANDS
def test_without_matplotlib_the_error_says_what_to_install(scoring, command, monkeypatch):
    monkeypatch.setattr("gzslbench.report.figures.run_figures.find_spec", lambda name: None)
    done = called(*command, "--figures", "figures")
    assert done.exit_code == 2
    assert "pip install 'gzslbench[figures]'" in done.stderr
    assert not Path("figures").exists()


@COMMANDS
def test_a_format_without_a_folder_and_an_unknown_one_are_refused(scoring, command):
    done = called(*command, "--figure-format", "png")
    assert done.exit_code == 2 and "--figures DIR" in done.stderr
    done = called(*command, "--figures", "figures", "--figure-format", "gif")
    assert done.exit_code == 2 and "'gif' is not one of" in done.stderr


def test_a_leaderboard_is_printed_and_its_figure_written(tmp_path, keep):
    for dataset in ("AWA2", "CUB"):
        for place, method in enumerate(("ce-gzsl", "f-clswgan", "eszsl")):
            keep(method, 1, 50.0 + place, dataset=dataset)
    results, out = tmp_path / "results", tmp_path / "figures"
    plain = called("leaderboard", results)
    done = called("leaderboard", results, "--figures", out, "--figure-format", "svg")
    assert (done.exit_code, done.stdout) == (0, plain.stdout)
    assert files(out) == ["critical-difference.svg"]
    one = called("leaderboard", results, "--dataset", "CUB", "--figures", out)
    assert "left out critical-difference: it needs three methods" in one.stderr


def test_a_difference_between_record_and_predictions_is_one_warning(scoring):
    record = scoring.record()
    wrong = replace(record.metrics["last"], T1=1.5)
    scoring.write_record(replace(record, metrics={"last": wrong}))
    done = called("show", scoring.id, "--figures", "figures", "--figure-format", "png")
    assert done.exit_code == 0
    assert done.stderr.count("warning: the record's metrics are not those of its predictions") == 1
