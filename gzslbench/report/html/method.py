"""The page of one method."""

from __future__ import annotations

from gzslbench.report.console import parameters
from gzslbench.report.console.comparison import sheet_of
from gzslbench.report.console.methods import about
from gzslbench.report.console.published import MEANING, published_rows
from gzslbench.report.html.content import Content, method_of
from gzslbench.report.html.template import rendered
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.comparison import comparisons
from gzslbench.runs.record import PERCENTAGES


def method_page(name: str, content: Content) -> str:
    """What the method is, what it takes, what others print of it, and its runs beside those numbers."""
    spec = content.specs.get(name)
    entries = [entry for entry in content.entries if method_of(entry) == name]
    numbers = [number for number in content.numbers if number.method == name]
    found = comparisons(boards(entries, "last", "H")[0], numbers, content.stored)
    rows, remarks = published_rows(numbers)
    return rendered(
        "method.html",
        base="../",
        name=name,
        about={} if spec is None else about(spec),
        takes=None if spec is None else parameters.as_json(spec),
        published=rows,
        remarks=remarks,
        meaning=MEANING,
        comparison=sheet_of(found, "last", "H") if found else None,
        entries=entries,
        metrics=PERCENTAGES,
    )
