from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gzslbench.cli.stored_runs import FORMATS
from gzslbench.errors import StoreError
from gzslbench.evaluation.metrics import ClassAccuracy
from gzslbench.report.figures.canvas import render, save_figure
from gzslbench.report.figures.predictions import class_accuracy_figure


def draw():
    return class_accuracy_figure([ClassAccuracy("cat", True, 2, 50.0), ClassAccuracy("owl", False, 1, 100.0)])


@pytest.fixture(scope="module")
def figure():
    return draw()


def test_every_format_is_what_its_name_says(figure, tmp_path):
    for form in FORMATS:
        save_figure(figure, tmp_path / f"figure.{form}")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert ElementTree.parse(tmp_path / "figure.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


def test_a_png_has_300_dots_an_inch(figure):
    import struct

    width, height = struct.unpack(">II", render(figure, "png")[16:24])
    assert (width, height) == tuple(int(side * 300) for side in figure.get_size_inches())


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_inputs_give_the_same_bytes_and_no_date(figure, form):
    first = render(figure, form)
    assert first == render(draw(), form)
    assert not re.search(rb"20\d\d-\d\d|D:20\d\d", first)


def test_what_cannot_be_written_leaves_what_was_there(figure, tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(StoreError, match="No space left"):
        save_figure(figure, path)
    assert path.read_bytes() == b"before"
    assert [item.name for item in tmp_path.iterdir()] == ["figure.png"]
