"""How every figure looks, and how it is written: as PNG, PDF, SVG, and inside an HTML page.

Neutral lines and text are black, at most transparent: in an HTML page they take the page's own colour.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.figure import Figure

from gzslbench.files import write_atomically

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7")
"""Okabe and Ito's (2008), without black and yellow."""
BLUE, VERMILLION, GREEN = PALETTE[:3]
SEEN, UNSEEN, HARMONIC = BLUE, VERMILLION, GREEN
NEUTRAL = "black"
INK = "#1a1a1a"
"""Colour of text on a coloured background, which a theme must not change."""

COLUMN, PAGE = 3.4, 7.0
"""Widths of a column and of a page of two columns, in inches."""
SMALLEST = 4.0
"""Size of the smallest text that is drawn, in points."""
_LETTER_EMS = 0.64
"""Width of a letter, relative to the font size."""
_UNDRAWABLE = ("Cc", "Cs", "Cn", "Co")
"""Unicode categories of control characters, lone surrogates, and codes without a character."""

STYLE = "gzslbench.report.figures.paper"
"""The style sheet ``paper.mplstyle``; ``matplotlib.style.use`` takes this name too."""


@contextmanager
def figure_style(**changes: Any) -> Iterator[None]:
    """Apply the style, with ``changes``, instead of the user's own; drawing and saving both need it."""
    with matplotlib.style.context(["default", STYLE, changes]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def label(text: object, longest: int = 40) -> str:
    """Return ``text`` on one line of at most ``longest`` characters that SVG allows; never empty."""
    plain = "".join(
        " " if sign.isspace() else "�" if unicodedata.category(sign) in _UNDRAWABLE else sign
        for sign in str(text)
    )
    plain = plain.strip() or "(no name)"
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def text_width(texts: Sequence[str], points: float) -> float:
    """Return about how many inches the longest of ``texts`` takes at a font size of ``points``."""
    return max(map(len, texts), default=0) * _LETTER_EMS * points / 72


class NotebookFigure(Figure):
    """A figure that a notebook shows, also before pyplot is imported."""

    def _repr_png_(self) -> bytes:
        return render(self, "png")


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """Yield a figure of ``width`` by ``height`` inches in the style; its layout is fixed at the end."""
    with figure_style():
        figure = NotebookFigure(figsize=(width, height), layout="constrained")
        yield figure
        # With an engine savefig would draw twice, and drawing here would be a third time.
        if figure.axes and (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        figure.set_layout_engine(None)


_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": "gzslbench", "Producer": None, "CreationDate": None},
    "svg": {"Creator": "gzslbench", "Date": None},
}


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` atomically, in the format of the suffix of ``path``; no date is in the file."""
    write_atomically(path, render(figure, path.suffix.removeprefix(".")))


def render(figure: Figure, form: str, **style: Any) -> bytes:
    """Return ``figure`` in the format ``form``; ``style`` overrides that of every figure."""
    content = io.BytesIO()
    with figure_style(**style):
        figure.savefig(content, format=form, metadata=_NO_DATES[form])
    return content.getvalue()


_ROOT = {
    "xmlns": "http://www.w3.org/2000/svg",
    "role": "img",
    "fill": "currentColor",
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
    "style": "max-width: 100%; height: auto",
}
"""matplotlib omits black fills, and writes two rules for strokes into a style element, which is removed."""


def themed_svg(figure: Figure, title: str) -> str:
    """Return ``figure`` as an ``<svg>`` element for an HTML page: text is text, black is ``currentColor``.

    It has no background, so it follows a light or a dark page. Ids are digests of ``title`` and content, and
    there are no style rules, so that several fit in one page; ``title`` is for readers who cannot see it.
    """
    title = title.encode("utf-8", "replace").decode()
    style = {"svg.fonttype": "none", "svg.hashsalt": title or "untitled", "savefig.transparent": True}
    content = render(figure, "svg", **style).decode()
    references = set(re.findall(r"(?:url\(|href=\")#([\w-]+)", content))
    root = ElementTree.fromstring(content)
    for element in list(root.iter()):
        for child in [*element.findall("{*}metadata"), *element.findall("{*}style")]:
            element.remove(child)
        if element.get("id") not in references:
            element.attrib.pop("id", None)
        element.tag = element.tag.rpartition("}")[2]  # an HTML page has no namespaces
        element.attrib = {
            name.rpartition("}")[2]: re.sub(r"#000000\b", "currentColor", value)
            for name, value in element.items()
        }
    root.attrib.update(_ROOT, **{"aria-label": title})
    title_element = ElementTree.Element("title")
    title_element.text = title
    root.insert(0, title_element)
    return ElementTree.tostring(root, encoding="unicode")
