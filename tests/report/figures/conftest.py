"""What tests of figures share: how to read one, names that mean harm, and predictions of any size."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.text import Text

from gzslbench.evaluation.predictions import Predictions
from gzslbench.report.figures.canvas import figure_style
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import RunInfo, RunMetrics, Summary


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Names of classes as somebody's file may hold them."""
    return [
        "<script>alert(1)</script>",
        "$x_1$",
        "a_b^c$",
        r"\frac{1}{0} $",
        "朱鷺 とき",
        "طائر 🦜",
        "two\nlines\tand \x00 nothing",
        "half a \ud83d character",
        "--> ]]> &amp; \"quoted\" 'too'",
        "_hidden",
        "n" * 300,
        "",
        " ",
    ]


@pytest.fixture
def beyond():
    """Tells which texts of a figure stick out of it."""

    def texts(figure) -> list[str]:
        with figure_style():
            figure.draw_without_rendering()
            hidden = set(_hidden(figure))
            drawn = [item for item in figure.findobj(Text) if item.get_text().strip() and item not in hidden]
            boxes = [(item.get_text(), item.get_window_extent()) for item in drawn if item.get_visible()]
        assert boxes
        width, height = figure.get_size_inches() * figure.dpi
        return [
            text
            for text, box in boxes
            if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
        ]

    return texts


def _hidden(figure) -> Iterator[Text]:
    """Texts that matplotlib keeps and does not draw: of panels not shown, of ticks outside their axis."""
    for axes in figure.axes:
        if not axes.get_visible():
            yield from axes.findobj(Text)
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not (axes.axison and low <= tick.get_loc() <= high):
                    yield from (tick.label1, tick.label2)


@pytest.fixture
def random_predictions():
    """Makes predictions over ``classes``, of which the first ``unseen`` are, with ``rows`` of each class."""

    def make(classes: int, unseen: int, rows: int = 3) -> Predictions:
        random = np.random.default_rng(classes)
        seen = np.arange(classes) >= unseen
        labels = np.concatenate([np.arange(unseen, classes), np.arange(unseen)]).repeat(rows)
        best_seen = random.integers(unseen, classes, len(labels))
        best_unseen = random.integers(0, unseen, len(labels))
        right = random.random(len(labels)) < 0.6
        best_seen = np.where(right & seen[labels], labels, best_seen)
        best_unseen = np.where(right & ~seen[labels], labels, best_unseen)
        gap = random.normal(size=len(labels)).astype(np.float32)
        return Predictions(labels, best_seen, best_unseen, gap, best_unseen[-unseen * rows :], seen)

    return make


@pytest.fixture
def entry(tmp_path):
    """Makes an entry of a leaderboard with U, S and H; what is not given is as usual."""
    numbers = itertools.count()

    def make(H=50.0, seed=0, *, row="ce-gzsl", dataset="AWA2", status="complete", **params) -> Entry:
        task = f"{dataset}/res101/att/ps-1"
        number = next(numbers)
        summary = Summary(
            id=f"run-{number}",
            status=status,
            cell=Cell(row, 1, dataset, task, "minmax", params, seed),
            task=TaskInfo(task, dataset, "res101", "att"),
            setting="inductive",
            selection="last",
            metrics={"last": RunMetrics(H - 10, H + 10, H, T1=H, AUSUC=H, epoch=1, head_epoch=1)},
            run=RunInfo(started=f"2026-01-01T00:00:{number:02}"),
            parameters=7,
        )
        return Entry(summary, RunFolder(tmp_path / summary.id), row, params)

    return make
