"""Equations become MathML when the site is built, so that a browser needs no script to show them."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

_EQUATION = re.compile(r'<(div|span) class="arithmatex">\\([\[(])(.*?)\\[\])]</\1>', re.DOTALL)


def typeset(content: str) -> str:
    """Convert what the Markdown extension arithmatex has marked."""
    return _EQUATION.sub(_math, content)


def _math(found: re.Match[str]) -> str:
    tag, bracket, latex = found.groups()
    math = convert(html.unescape(latex).strip(), display="block" if bracket == "[" else "inline")
    for bar in ("&#x02016;", "&#x0007C;"):  # both of a pair as high as each other
        math = math.replace(f"<mo>{bar}", f'<mo stretchy="false">{bar}')
    return f'<{tag} class="equation">{math}</{tag}>'
