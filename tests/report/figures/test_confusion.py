from __future__ import annotations

import numpy as np
import pytest

from gzslbench.evaluation.metrics import confusion_matrix
from gzslbench.report.figures.canvas import label
from gzslbench.report.figures.predictions import confusion_figure

NAMES = ["cat", "dog", "fox", "owl", "bee"]


def drawn(predictions, names):
    figure = confusion_figure(confusion_matrix(predictions), names, predictions.seen)
    return figure, figure.axes[0], np.ma.filled(figure.axes[0].images[0].get_array().astype(float), np.nan)


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_rows_are_percent_of_their_class_with_the_unseen_first(table, beyond):
    figure, axes, shares = drawn(table, NAMES)
    assert ticks(axes.xaxis) == ticks(axes.yaxis) == ["owl", "bee", "cat", "dog", "fox"]
    third, nothing = 100 / 3, [np.nan] * 5
    expected = [[50, 0, 50, 0, 0], [0, 0, 0, 100, 0], [0, 0, 2 * third, 0, third], [100, 0, 0, 0, 0], nothing]
    assert shares == pytest.approx(np.array(expected), nan_ok=True)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert figure.axes[1].get_ylabel() == "% of the true class's test rows"
    assert beyond(figure) == []


def test_a_line_each_way_parts_seen_from_unseen(table):
    _, axes, _ = drawn(table, NAMES)
    across, down = axes.lines
    assert set(across.get_ydata()) == {1.5} and set(down.get_xdata()) == {1.5}


@pytest.mark.parametrize(("count", "named"), [(74, True), (75, False)])
def test_names_are_shown_where_they_are_legible_else_the_two_parts(count, named, random_predictions, beyond):
    names = [f"class {i}" for i in range(count)]
    figure, axes, shares = drawn(random_predictions(count, 5), names)
    assert np.nansum(shares) == pytest.approx(100 * count)
    assert ticks(axes.yaxis) == (names if named else ["5 unseen", f"{count - 5} seen"])
    assert figure.get_size_inches().max() <= 7.5
    if named:
        size = axes.get_yticklabels()[0].get_fontsize() * figure.dpi / 72
        assert size >= 4 * figure.dpi / 72
        assert size <= axes.get_window_extent().height / count
    assert beyond(figure) == []


def test_one_class_has_no_line_and_hostile_names_are_drawn_as_they_are(hostile, beyond):
    alone = confusion_figure(np.array([[3]]), ["owl"], np.array([False]))
    assert not alone.axes[0].lines and beyond(alone) == []
    counts = np.eye(len(hostile), dtype=np.int64)
    figure = confusion_figure(counts, hostile, np.ones(len(hostile), bool))
    assert ticks(figure.axes[0].xaxis) == [label(name, longest=24) for name in hostile]
    assert beyond(figure) == []
