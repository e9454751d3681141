"""Figures from the command line, of runs that were really made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.runs.store import Store

SMALL = ("batch_size=64", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=2", "head_epochs=3")
SETTINGS = {"f-clswgan": (*SMALL, "pretrain_epochs=2"), "eszsl": ()}
OF_PREDICTIONS = ["seen-unseen", "class-accuracy", "confusion"]


def called(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def run(results, method, *extra):
    settings = [part for setting in SETTINGS[method] for part in ("--set", setting)]
    trained = ["--epochs", "2", "--eval-every", "1"] if method == "f-clswgan" else []
    shared = ["run", "--method", method, "--dataset", "digits", "--device", "cpu", "--results", results]
    done = called(*shared, *settings, *trained, *extra)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Two methods of digits, one of them with two values of syn_num."""
    root = tmp_path_factory.mktemp("made")
    run(root, "f-clswgan")
    run(root, "f-clswgan", "--set", "syn_num=40")
    run(root, "eszsl")
    return root


@pytest.fixture
def results(made, tmp_path, monkeypatch) -> Path:
    """A copy of those runs, below the folder that commands are called from."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def generative(results) -> str:
    return next(folder.id for folder in Store(results).runs() if folder.id.startswith("f-clswgan"))


def files(folder):
    return sorted(path.name for path in Path(folder).iterdir())


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


def test_what_a_run_has_no_figure_of_is_said_with_the_reason(results):
    done = called("show", "eszsl", "--figures", "figures", "--figure-format", "pdf")
    assert done.exit_code == 0
    assert files("figures") == sorted(f"{name}.pdf" for name in OF_PREDICTIONS)
    reported = [line for line in done.stderr.splitlines() if not line.startswith("wrote")]
    assert reported == [
        "left out training-curves: the method trains no epochs",
        "left out features: the method scores classes itself and synthesizes nothing",
    ]


def test_without_the_checkpoint_the_features_alone_are_left_out(generative, results):
    Store(results).run(generative).checkpoint_file("final").unlink()
    done = called("show", generative, "--figures", "figures", "--figure-format", "svg")
    assert done.exit_code == 0
    assert "left out features: there is no checkpoint of the trained model; " in done.stderr
    assert files("figures") == sorted(f"{name}.svg" for name in ("training-curves", *OF_PREDICTIONS))


def test_json_stays_json_and_parts_asked_for_alone_are_shown(generative):
    plain = called("show", generative, "--json", "--classes")
    done = called("show", generative, "--json", "--classes", "--figures", "figures", "--figure-format", "png")
    assert json.loads(done.stdout) == json.loads(plain.stdout)
    parts = called("show", generative, "--curve", "--figures", "figures", "--figure-format", "png")
    assert parts.stdout == called("show", generative, "--curve").stdout
    assert len(files("figures")) == 5


def test_a_folder_that_is_there_is_used_and_what_else_is_in_it_left_alone(generative):
    Path("figures").mkdir()
    Path("figures/notes.txt").write_text("mine")
    Path("figures/confusion.png").write_text("old")
    assert called("show", generative, "--figures", "figures", "--figure-format", "png").exit_code == 0
    assert Path("figures/notes.txt").read_text() == "mine"
    assert Path("figures/confusion.png").read_bytes().startswith(b"\x89PNG")
    assert not [name for name in files("figures") if name.startswith(".")]


@pytest.mark.parametrize("command", [["show", "eszsl"], ["leaderboard"]])
def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_drawn(results, command, monkeypatch):
    def fail(*_):
        raise AssertionError("it was drawn")

    for module in ("run_figures.figures_of_run", "leaderboards.figures_of_boards"):
        monkeypatch.setattr(f"gzslbench.report.figures.{module}", fail)
    Path("file").write_text("")
    done = called(*command, "--figures", "file/below")
    assert done.exit_code == 2
    assert "the folder for figures cannot be written" in done.stderr
    assert "file/below" in done.stderr and "name a folder that can be written" in done.stderr


@pytest.mark.parametrize("command", [["show", "eszsl"], ["leaderboard"]])
def test_without_matplotlib_it_is_said_what_to_install(results, command, monkeypatch):
    monkeypatch.setattr("gzslbench.report.figures.drawing.find_spec", lambda name: None)
    done = called(*command, "--figures", "figures")
    assert done.exit_code == 2
    assert "pip install 'gzslbench[figures]'" in done.stderr
    assert not Path("figures").exists()


@pytest.mark.parametrize("command", [["show", "eszsl"], ["leaderboard"]])
def test_a_format_without_a_folder_and_an_unknown_one_are_refused(results, command):
    done = called(*command, "--figure-format", "png")
    assert done.exit_code == 2 and "--figures DIR" in done.stderr
    done = called(*command, "--figures", "figures", "--figure-format", "gif")
    assert done.exit_code == 2 and "'gif' is not one of" in done.stderr


def test_a_leaderboard_is_printed_and_its_figures_written(results):
    plain = called("leaderboard")
    done = called("leaderboard", "--figures", "figures", "--figure-format", "svg")
    assert (done.exit_code, done.stdout) == (0, plain.stdout)
    assert files("figures") == []
    left_out = [line for line in done.stderr.splitlines() if line.startswith("left out critical-difference")]
    assert len(left_out) == 2 and left_out[0].endswith("there are 1 and 1")


def test_a_difference_between_record_and_predictions_is_told_once(generative, results):
    file = Store(results).run(generative).record_file
    record = json.loads(file.read_text())
    record["metrics"]["last"]["T1"] = 1.5
    file.write_text(json.dumps(record))
    done = called("show", generative, "--figures", "figures", "--figure-format", "png")
    assert done.exit_code == 0
    assert done.stderr.count("warning: the record's metrics are not those of its predictions") == 1
