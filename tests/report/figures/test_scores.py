from __future__ import annotations

import pytest

from gzslbench.report.figures.canvas import label
from gzslbench.report.figures.leaderboards import scores_figure
from gzslbench.report.leaderboard.board import boards


def board(entries, metric="H"):
    (found,) = boards(entries, "last", metric)[0]
    return found


def drawn(axes, name):
    return [line.get_xydata().tolist() for line in axes.lines if line.get_label() == name]


def test_a_row_has_its_mean_its_interval_and_its_seeds_in_the_order_of_the_board(entry, beyond):
    entries = [entry(H, seed) for seed, H in enumerate((50.0, 52.0, 54.0))]
    figure = scores_figure(board([*entries, entry(60.0, row="sae")]))
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["sae", "ce-gzsl"]
    assert drawn(axes, "a single seed") == [[[60, 0]]]
    assert drawn(axes, "mean, 95 % interval") == [[[52, 1]]]
    assert drawn(axes, "a seed") == [[[50, 1], [52, 1], [54, 1]]]
    (interval,) = [line.get_xdata() for line in axes.lines if line.get_label().startswith("_")]
    assert list(interval) == pytest.approx([52 - 4.968, 52 + 4.968], abs=1e-3)
    assert axes.get_xlabel() == "H (%)"
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "a single seed", "mean, 95 % interval", "a seed",
    }  # fmt: skip
    assert beyond(figure) == []


def test_every_dataset_has_a_panel_and_a_missing_number_no_dot(entry, beyond):
    names = [f"set{i}" for i in range(5)]
    entries = [entry(50.0, dataset=name) for name in names] + [entry(40.0, row="sae", dataset="set1")]
    figure = scores_figure(board(entries, "U"))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == names
    assert [len(axes.lines) for axes in panels] == [1, 2, 1, 1, 1]
    assert drawn(panels[1], "a single seed") == [[[40, 0]], [[30, 1]]]
    assert beyond(figure) == []


def test_an_interval_past_what_can_be_is_cut_at_the_edge_of_the_panel(entry):
    (axes,) = scores_figure(board([entry(11.0, 0), entry(19.0, 1)])).axes
    left, right = axes.get_xlim()
    assert left == -1 and right < 101


def test_hostile_names_of_methods_and_datasets_fit(entry, hostile, beyond):
    entries = [entry(50.0, row=f"{i}{name}", dataset=hostile[0]) for i, name in enumerate(hostile)]
    figure = scores_figure(board(entries))
    assert {text.get_text() for text in figure.axes[0].get_yticklabels()} == {
        label(f"{i}{name}", longest=30) for i, name in enumerate(hostile)
    }
    assert beyond(figure) == []
