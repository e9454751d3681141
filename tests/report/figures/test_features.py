from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import same_color

from gzslbench.report.figures.canvas import PALETTE, label
from gzslbench.report.figures.features import MAX_CLASSES, Projection, features_figure


def projection(names, unseen=20, space="features"):
    random = np.random.default_rng(0)
    real = [random.normal(size=(3 + i, 2)) for i in range(len(names))]
    synthesized = [random.normal(size=(9, 2)) for _ in names]
    tsne = [[5 * part for part in parts] for parts in (real, synthesized)]
    return Projection(names, unseen, space, (34.4, 12.6), real, synthesized, *tsne)


def rows(axes):
    return [line for line in axes.lines if line.get_marker() == "o"]


def test_there_are_as_many_colours_as_classes():
    assert len(set(PALETTE)) == len(PALETTE) >= MAX_CLASSES


def test_real_and_synthesized_rows_are_side_by_side_on_the_same_axes(beyond):
    found = projection([f"class {i}" for i in range(6)])
    figure = features_figure(found)
    left, right, *below = figure.axes
    parts = (found.real, found.synthesized, found.real_tsne, found.synthesized_tsne)
    for axes, expected, real in zip(
        figure.axes, parts, (parts[0], parts[0], parts[2], parts[2]), strict=True
    ):
        assert [line.get_xydata().tolist() for line in rows(axes)] == [item.tolist() for item in expected]
        assert all(same_color(a.get_color(), b) for a, b in zip(rows(axes), PALETTE, strict=True))
        means = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "P"]
        assert means == [item.mean(axis=0).tolist() for item in real]
    for one, other in ((left, right), below):
        assert one.get_xlim() == other.get_xlim() and one.get_ylim() == other.get_ylim()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"{kind}, {view}"
        for view in ("principal components", "t-SNE")
        for kind in ("real test rows", "synthesized rows")
    ]
    assert "34 %" in left.get_xlabel() and "13 %" in left.get_ylabel()
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [*found.names, "mean of the class's real rows"]
    assert beyond(figure) == []


@pytest.mark.parametrize(
    ("unseen", "space", "texts"),
    [
        (
            20,
            "features",
            [
                "the 2 unseen classes of 20 with most test rows",
                "9 synthesized",
                "in the space of the features",
            ],
        ),
        (2, "embedding", ["all 2 unseen classes", "the method's embedding"]),
    ],
)
def test_the_title_says_what_is_shown(unseen, space, texts, beyond):
    figure = features_figure(projection(["a", "b"], unseen, space))
    for text in texts:
        assert text in figure.get_suptitle()
    assert beyond(figure) == []


def test_hostile_names_fit(hostile, beyond):
    for some in (hostile[:6], hostile[-6:], ["_hidden"]):
        figure = features_figure(projection(some))
        named = [text.get_text() for text in figure.legends[0].get_texts()][:-1]
        assert named == [label(name, longest=24) for name in some]
        assert beyond(figure) == []


def test_one_class_is_drawn(beyond):
    assert beyond(features_figure(projection(["owl"], 1))) == []
