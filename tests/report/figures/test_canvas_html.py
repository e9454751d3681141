from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gzslbench.evaluation.metrics import ClassAccuracy
from gzslbench.report.figures.canvas import label, themed_svg
from gzslbench.report.figures.predictions import class_accuracy_figure, confusion_figure

SVG = "{http://www.w3.org/2000/svg}"


def matrix(names):
    seen = np.arange(len(names)) % 2 == 0
    return confusion_figure(np.eye(len(names), dtype=np.int64), names, seen)


def bars(names):
    return class_accuracy_figure([ClassAccuracy(name, True, 2, 50.0) for name in names])


@pytest.fixture(scope="module", params=[matrix, bars])
def figure(request, hostile):
    return request.param(hostile)


def ids(svg):
    return [item.get("id") for item in ElementTree.fromstring(svg).iter() if item.get("id")]


def test_names_are_text_as_they_are_and_none_is_markup(figure, hostile):
    svg = themed_svg(figure, "A figure.")
    root = ElementTree.fromstring(svg)
    texts = ["".join(item.itertext()) for item in root.iter(f"{SVG}text")]
    for name in hostile:
        assert label(name)[:23] in {text[:23] for text in texts}
    assert {item.tag.removeprefix(SVG) for item in root.iter()} <= {
        "svg", "title", "defs", "clipPath", "g", "path", "use", "text", "image", "rect",
    }  # fmt: skip
    assert "<script" not in svg and "]]>" not in svg


def test_it_starts_with_its_element_and_says_what_it_shows(figure):
    title = 'Of <b> & "quotes" \ud83d'
    svg = themed_svg(figure, title)
    root = ElementTree.fromstring(svg)
    assert svg.startswith("<svg ")
    assert (root.get("role"), root.get("aria-label")) == ("img", 'Of <b> & "quotes" ?')
    assert root[0].tag == f"{SVG}title" and root[0].text == root.get("aria-label")


def test_black_is_the_colour_of_the_page_and_there_is_no_background(figure):
    svg = themed_svg(figure, "A figure.")
    root = ElementTree.fromstring(svg)
    assert root.get("fill") == "currentColor"
    assert "stroke: currentColor" in svg
    assert "#000000" not in svg and "black" not in svg
    ground = next(root.iter(f"{SVG}path"))
    assert ground.get("style") == "fill: none"
    assert not list(root.iter(f"{SVG}style")) and not list(root.iter(f"{SVG}metadata"))


def test_ids_of_several_figures_differ_and_every_reference_is_kept(hostile):
    small = matrix(hostile[:3])
    pages = [themed_svg(small, "One."), themed_svg(small, "Two."), themed_svg(bars(["a"]), "")]
    found = [item for page in pages for item in ids(page)]
    assert len(found) == len(set(found)) > 3
    for page in pages:
        referred = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page))
        assert referred and {"".join(item) for item in referred} == set(ids(page))


def test_the_same_figure_is_the_same_text():
    assert themed_svg(bars(["a"]), "A figure.") == themed_svg(bars(["a"]), "A figure.")
