from __future__ import annotations

import pytest

from gzslbench.report.figures.leaderboards import critical_difference_figure
from gzslbench.report.leaderboard.significance import Ranking, nemenyi_difference, rank

DEMSAR = {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
"""Mean ranks of the worked example of Demsar 2006, over 14 datasets."""


def ranking(level):
    return Ranking(DEMSAR, 14, 0.02, nemenyi_difference(4, 14, level))


def lines(figure, name):
    (axes,) = figure.axes
    return [line.get_xydata().tolist() for line in axes.lines if line.get_label() == name]


def reach(line):
    return sorted(x for x, _ in line)


def test_the_axis_has_the_best_rank_to_the_right_and_the_difference_to_scale():
    figure = critical_difference_figure(ranking(0.05))
    (axes,) = figure.axes
    left, right = axes.get_xlim()
    assert left > 4 > 1 > right
    (axis,) = lines(figure, "axis")
    assert reach(axis) == [1, 4]
    (bar,) = lines(figure, "critical difference")
    low, high = reach(bar)
    assert high == 4 and high - low == pytest.approx(1.25, abs=0.005)
    assert "CD 1.25" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(
    ("level", "cliques"), [(0.05, [(1.964, 3.143)]), (0.10, [(1.964, 2.893), (2.893, 3.143)])]
)
def test_bars_join_what_does_not_differ_and_reach_just_past_it(level, cliques):
    bars = lines(critical_difference_figure(ranking(level)), "clique")
    assert [reach(bar) for bar in bars] == [pytest.approx([low, high], abs=0.05) for low, high in cliques]
    for (low, high), bar in zip(cliques, bars, strict=True):
        assert reach(bar)[0] < low and reach(bar)[1] > high
    heights = [bar[0][1] for bar in bars]
    assert heights == sorted(set(heights)) and heights[0] > 0  # below the axis, and below each other


def test_elbows_go_from_each_rank_to_its_label_the_best_half_to_the_right(beyond):
    figure = critical_difference_figure(ranking(0.05))
    (axes,) = figure.axes
    ends = {}
    for name, value in DEMSAR.items():
        ((top, corner, end),) = lines(figure, name)
        assert top == [value, 0] and corner[0] == value and corner[1] == end[1] > 0
        ends[name] = end
    assert {name for name, end in ends.items() if end[0] < 1} == {"C4.5+m", "C4.5+m+cf"}
    assert {name for name, end in ends.items() if end[0] > 4} == {"C4.5", "C4.5+cf"}
    # Outer methods are told first, so that no elbow crosses another's label.
    assert ends["C4.5"][1] < ends["C4.5+cf"][1] and ends["C4.5+m+cf"][1] < ends["C4.5+m"][1]
    texts = {text.get_text().strip(): text.get_position() for text in axes.texts}
    assert texts["1.96  C4.5+m+cf"] == tuple(ends["C4.5+m+cf"])
    assert texts["C4.5  3.14"] == tuple(ends["C4.5"])
    assert beyond(figure) == []


def test_a_difference_wider_than_the_axis_is_not_cut(beyond):
    wide = rank({"a": (1.0, 2.0), "b": (2.0, 3.0), "c": (3.0, 1.0)})
    assert wide.critical_difference > 2
    figure = critical_difference_figure(wide)
    (bar,) = lines(figure, "critical difference")
    assert reach(bar) == pytest.approx([3 - wide.critical_difference, 3])
    assert figure.axes[0].get_xlim()[1] < reach(bar)[0]
    assert beyond(figure) == []


def test_many_methods_and_hostile_names_fit(hostile, beyond):
    values = {name or "empty": [float(i), 2.0 * i] for i, name in enumerate(hostile)}
    figure = critical_difference_figure(rank(values))
    assert len(lines(figure, "clique")) >= 1
    assert beyond(figure) == []
    many = rank({f"method-{i}": [float(i % 7), float(i % 5), float(i)] for i in range(30)})
    assert beyond(critical_difference_figure(many)) == []


def test_where_all_differ_there_are_no_bars():
    certain = Ranking({"a": 1.0, "b": 2.0, "c": 3.0}, 40, 1e-9, 0.5)
    figure = critical_difference_figure(certain)
    assert lines(figure, "clique") == []
    assert len(lines(figure, "a")) == 1
