"""The bar of a run: the position, the speed, and metrics that say on which rows they were measured."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gzslbench.report.terminal import progress
from gzslbench.runs.cell import Cell
from gzslbench.training.trainer import StageSize

CELL = Cell("eszsl", 1, "digits", "digits/pixels/strokes/ps-1-2", "minmax", {}, 0)
SIZES = (StageSize("classifier", 20, 64), StageSize("game", 5, 128))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def bar(monkeypatch):
    """A bar on a terminal that nobody sees, and what it draws at the moment."""
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    made = progress._RunBar(plain=False)

    def drawn():
        console = Console(file=io.StringIO(), width=160)
        console.print(made.get_renderable())
        return console.file.getvalue()

    return made, drawn


def line(epoch, H=None, stage="game"):
    found = {"leg": "final", "stage": stage, "epoch": epoch, "losses": {"critic/critic": -1.25}}
    return (
        found
        if H is None
        else {**found, "metrics": {"H": H, "T1": 50.0, "U": 40.0, "S": 60.0, "AUSUC": 30.0}}
    )


@pytest.mark.parametrize(
    ("leg", "where"), [("final", "test"), ("validation", "validation"), ("calibration-1", "validation")]
)
def test_metrics_say_where_they_were_measured_and_which_was_the_best(bar, leg, where):
    made, drawn = bar
    view = progress._RunView(made, "ce-gzsl on CUB, seed 1")
    view.start(leg, 100, 0, SIZES)
    assert "the first step may compile" in drawn()
    view.iteration()
    view.epoch(line(1, H=42.0))
    view.epoch(line(2, H=41.0))
    text = drawn()
    assert f"{where}: H 41.0  T1 50.0  U 40.0  S 60.0  (best H 42.0 in epoch 1)" in text
    assert "game 2/5" in text
    assert "critic/critic -1.25" in text
    assert ("ce-gzsl on CUB, seed 1, " + leg in text) == (leg != "final")


def test_the_second_fit_forgets_the_metrics_of_the_first(bar):
    made, drawn = bar
    view = progress._RunView(made, "a run")
    view.start("validation", 10, 0, SIZES)
    view.epoch(line(1, H=90.0))
    view.start("final", 10, 0, SIZES)
    assert "90.0" not in drawn()
    view.epoch(line(3, stage="classifier"))
    assert "classifier 3/20" in drawn()
    assert "best" not in drawn()


def test_the_bar_is_as_wide_as_the_terminal(bar):
    made, drawn = bar
    progress._RunView(made, "a run").start("final", 10, 10, SIZES)
    first = drawn().splitlines()[0]
    assert len(first.rstrip()) > 150
    assert first.count("━") > 90


def test_a_closed_form_is_solved(bar):
    made, drawn = bar
    progress._RunView(made, "eszsl").start("final", 0, 0)
    assert "solving" in drawn()


@pytest.mark.parametrize(("leg", "where"), [("final", "test"), ("validation", "validation")])
def test_lines_say_where_metrics_were_measured(capsys, leg, where):
    with progress.watch_run(CELL, plain=True) as view:
        view.start(leg, 100, 90, SIZES)
        view.epoch({**line(1, H=42.0), "leg": leg})
        view.epoch({**line(2), "leg": leg, "losses": {}})
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == f"{leg} fit: 10 iterations to go"
    assert second.startswith(f"{leg} game epoch 1  critic/critic -1.25  {where}: H 42.00  T1 50.00")


def test_a_line_of_a_closed_form_counts_no_iterations(capsys):
    with progress.watch_run(CELL, plain=True) as view:
        view.start("final", 0, 0)
    assert capsys.readouterr().err == "final fit: solving\n"


@pytest.mark.parametrize(
    ("terminal", "notebook", "widgets", "live"),
    [
        (True, False, False, True),
        (False, True, True, True),
        (False, True, False, False),  # rich needs ipywidgets to move a bar in a notebook
        (False, False, True, False),
    ],
)
def test_bars_move_on_a_terminal_and_in_a_notebook_with_widgets(
    monkeypatch, terminal, notebook, widgets, live
):
    monkeypatch.setattr(progress.sys, "stderr", Terminal() if terminal else io.StringIO())
    monkeypatch.setattr(progress, "Console", lambda **options: Console(force_jupyter=notebook, **options))
    monkeypatch.setattr(progress, "find_spec", lambda name: object() if widgets else None)
    assert progress._RunBar(plain=False).disable is not live
    assert progress._make_bar().disable is not live
    assert progress._RunBar(plain=True).disable
