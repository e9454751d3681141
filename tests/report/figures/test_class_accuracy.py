from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.colors import same_color

from gzslbench.evaluation.metrics import ClassAccuracy, class_accuracies
from gzslbench.report.figures.canvas import SEEN, UNSEEN, label
from gzslbench.report.figures.predictions import class_accuracy_figure

NAMES = ["cat", "dog", "fox", "owl", "bee"]


def bars(figure):
    return [bar for axes in figure.axes for group in axes.containers for bar in group]


def names(axes):
    return [text for text in axes.texts if text.get_label() == "name" and text.get_text()]


def all_names(figure):
    return [text.get_text() for axes in figure.axes for text in names(axes)]


def test_a_bar_is_as_long_as_its_class_is_accurate_the_unseen_first_and_each_part_best_first(table, beyond):
    figure = class_accuracy_figure(class_accuracies(table, NAMES))
    assert all_names(figure) == ["owl", "bee", "cat", "dog", "fox"]
    assert [bar.get_width() for bar in bars(figure)] == pytest.approx([50, 0, 200 / 3, 0, 0])
    assert [bar.get_y() + bar.get_height() / 2 for bar in bars(figure)] == pytest.approx(range(5))
    colors = [bar.get_facecolor() for bar in bars(figure)]
    assert [same_color(color, UNSEEN) for color in colors] == [True, True, False, False, False]
    assert [same_color(color, SEEN) for color in colors] == [False, False, True, True, True]
    assert beyond(figure) == []


def test_the_lines_are_means_of_seen_and_unseen_and_a_class_without_test_rows_says_so(table):
    figure = class_accuracy_figure(class_accuracies(table, NAMES))
    (axes,) = figure.axes
    means = [line.get_segments()[0] for line in axes.collections if hasattr(line, "get_segments")]
    assert [mean[0][0] for mean in means] == pytest.approx([25, 100 / 3])
    assert [(mean[0][1], mean[1][1]) for mean in means] == [(-0.5, 1.5), (1.5, 4.5)]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["unseen, U 25.0 % (line)", "seen, S 33.3 % (line)"]
    untested = [text for text in axes.texts if text.get_label() != "name"]
    assert [(text.get_text(), text.get_position()[1]) for text in untested] == [("no test rows", 4)]


@pytest.mark.parametrize("accuracy", [75.0, None])
def test_one_class_alone_is_drawn(accuracy, beyond):
    figure = class_accuracy_figure([ClassAccuracy("owl", False, 4, accuracy)])
    assert all_names(figure) == ["owl"]
    assert [bar.get_width() for bar in bars(figure)] == [accuracy or 0]
    assert figure.axes[0].get_title(loc="left") == "Accuracy of 1 class"
    assert beyond(figure) == []


@pytest.mark.parametrize(
    ("count", "panels", "named"),
    [(2, 1, True), (68, 1, True), (102, 2, True), (200, 3, True), (717, 3, False)],
)
def test_many_classes_are_in_panels_and_names_that_would_touch_are_left_out(count, panels, named, beyond):
    classes = [ClassAccuracy(f"class {i}", i % 3 > 0, 2, float(i % 101)) for i in range(count)]
    figure = class_accuracy_figure(classes)
    assert (len(bars(figure)), len(figure.axes)) == (count, panels)
    assert figure.get_size_inches()[1] == pytest.approx(min(10.5, 0.95 + 0.14 * -(-count // panels)))
    ordered = sorted(classes, key=lambda found: (found.seen, -found.accuracy, found.name))
    assert all_names(figure) == [found.name for found in ordered] * named
    for axes in figure.axes if named else ():
        size = names(axes)[0].get_fontsize()
        boxes = [text.get_window_extent() for text in names(axes)]
        between = [first.y0 - second.y0 for first, second in pairwise(boxes)]
        assert size >= 6 and min(between) > 0.9 * size * figure.dpi / 72
    assert beyond(figure) == []


def test_hostile_names_are_drawn_as_they_are(hostile, beyond):
    figure = class_accuracy_figure([ClassAccuracy(name, True, 2, 50.0) for name in hostile])
    assert sorted(all_names(figure)) == sorted(label(name, longest=32) for name in hostile)
    assert not any(text.get_parse_math() for text in names(figure.axes[0]))
    assert beyond(figure) == []
