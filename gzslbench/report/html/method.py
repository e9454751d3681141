"""The page of one method."""

from __future__ import annotations

from gzslbench.report.html.content import Content, method_of
from gzslbench.report.html.template import rendered
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.comparison import comparisons
from gzslbench.report.leaderboard.tables import comparison_table
from gzslbench.report.terminal.plugins import MARKS, parameters_json, published_rows, spec_fields
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
        about={} if spec is None else spec_fields(spec),
        takes=None if spec is None else parameters_json(spec),
        published=rows,
        remarks=remarks,
        meaning=MARKS,
        comparison=comparison_table(found, "last", "H") if found else None,
        entries=entries,
        metrics=PERCENTAGES,
    )
