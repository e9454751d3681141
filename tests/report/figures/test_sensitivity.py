from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from gzslbench.report.figures.leaderboards import sensitivity_figure
from gzslbench.report.leaderboard.entry import find_sweeps


def swept(entry, values, seeds=(0, 2), **settings):
    entries = [
        entry(40.0 + place + seed, seed, syn_num=value, **settings)
        for place, value in enumerate(values)
        for seed in seeds
    ]
    (found,) = find_sweeps(entries, "syn_num")
    return found


def test_means_are_lines_and_deviations_over_seeds_bands(entry, beyond):
    figure = sensitivity_figure(swept(entry, (100, 200, 400)), "last")
    (axes,) = figure.axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["H"] == [[100, 41], [200, 42], [400, 43]]
    assert drawn["U"] == [[100, 31], [200, 32], [400, 33]]
    assert drawn["S"] == [[100, 51], [200, 52], [400, 53]]
    band = axes.collections[2].get_paths()[0].vertices
    at_first = band[band[:, 0] == 100, 1]
    assert {round(float(y), 6) for y in at_first} == {round(41 - np.sqrt(2), 6), round(41 + np.sqrt(2), 6)}
    assert [text.get_text() for text in axes.get_xticklabels()] == ["100", "200", "400"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("syn_num", "accuracy (%)")
    assert axes.get_title(loc="left") == "ce-gzsl on AWA2, by last"
    assert beyond(figure) == []


def test_one_seed_has_no_band(entry):
    (axes,) = sensitivity_figure(swept(entry, (100, 200), seeds=(1,)), "last").axes
    heights = axes.collections[2].get_paths()[0].vertices
    assert set(heights[heights[:, 0] == 100, 1]) == {41.0}


@pytest.mark.parametrize(
    ("values", "scale"),
    [((10, 200), "linear"), ((10, 201), "log"), ((0, 1000, 4000), "linear"), ((0.001, 0.01, 0.1), "log")],
)
def test_a_range_of_more_than_twentyfold_is_logarithmic(entry, values, scale, beyond):
    figure = sensitivity_figure(swept(entry, values), "last")
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    assert [text.get_text() for text in axes.get_xticklabels()] == [f"{value:g}" for value in values]
    assert beyond(figure) == []


@pytest.mark.parametrize("values", [range(100, 4100, 100), (50, 100, 200, 400, 1000, 1800, 2400)])
def test_values_without_room_for_their_names_have_no_tick(entry, values, beyond):
    figure = sensitivity_figure(swept(entry, values), "last")
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels()]
    assert 5 <= len(boxes) < len(values)
    assert all(first.x1 < second.x0 for first, second in pairwise(boxes))
    assert beyond(figure) == []
