"""A figure as SVG text that stands inside an HTML page and takes the page's colours."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from gzslbench.report.figures.files import rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMESPACE = "http://www.w3.org/2000/svg"
_DROPPED = ("metadata", "style")
_REFERENCE = re.compile(r"(?:^|url\()#([\w-]+)")
_BLACK = re.compile(r"#000000\b")
_ROOT = {
    "xmlns": _NAMESPACE,
    "role": "img",
    "fill": "currentColor",
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
    "style": "max-width: 100%; height: auto",
}
"""Black fills are left out of matplotlib's SVG, and two rules for strokes stand in a style of its own."""


def themed_svg(figure: Figure, title: str) -> str:
    """``figure`` as an ``<svg>`` element: text is text, and all that is black is ``currentColor``.

    It has no ground, so it follows a light or a dark page. Its ids begin with a digest of its content, so
    that several stand in one page; it brings no style rules, which would hold for the whole page.

    Args:
        figure: One of this package.
        title: A sentence for readers who do not see it.
    """
    title = title.encode("utf-8", "replace").decode()
    content = rendered(figure, "svg", transparent=True, style={"svg.fonttype": "none"})
    root = ElementTree.fromstring(content)
    prefix = "g" + hashlib.sha256(title.encode() + content).hexdigest()[:10] + "-"
    for element in list(root.iter()):
        _simplify(element)
    _prefix_ids(root, prefix)
    root.attrib.update(_ROOT, **{"aria-label": title})
    named = ElementTree.Element("title")
    named.text = title
    root.insert(0, named)
    return ElementTree.tostring(root, encoding="unicode")


def _simplify(element: ElementTree.Element) -> None:
    """Leave out prefixes of namespaces, what an HTML page has no use for, and black."""
    element.tag = _local(element.tag)
    element.attrib = {_local(name): _BLACK.sub("currentColor", value) for name, value in element.items()}
    for child in list(element):
        if _local(child.tag) in _DROPPED:
            element.remove(child)


def _prefix_ids(root: ElementTree.Element, prefix: str) -> None:
    """Begin the ids that something refers to with ``prefix``; the others go."""
    elements = list(root.iter())
    used = {name for each in elements for value in each.attrib.values() for name in _REFERENCE.findall(value)}
    for element in elements:
        for name, value in list(element.items()):
            if name == "id" and value not in used:
                del element.attrib[name]
            elif name == "id":
                element.set(name, prefix + value)
            elif name != "style" or "url(" in value:
                element.set(name, _REFERENCE.sub(lambda found: found[0].replace("#", f"#{prefix}"), value))


def _local(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition("}")[2]
