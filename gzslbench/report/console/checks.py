"""What became of a plugin's checks, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gzslbench.testing.outcome import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def checks_table(title: str, outcomes: Sequence[Outcome]) -> RenderableType:
    """A row a check; below a failed one what to do, beside a skipped one why."""
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for each in outcomes:
        told = Text("" if each.status == "passed" else each.what)
        if each.fix:
            told.append(f"\nto do: {each.fix}", style="bold")
        status = Text(each.status, style=_STYLES[each.status])
        table.add_row(status, Text(each.check), Text(f"{each.seconds:.1f} s"), told)
    return Group(Text(title, style="bold"), table, Text())


def summary(found: Mapping[str, Sequence[Outcome]]) -> Text:
    """How many checks passed, failed and were skipped, of how many plugins, and which plugins failed."""
    every = [each for outcomes in found.values() for each in outcomes]
    counts = ", ".join(f"{sum(each.status == status for each in every)} {status}" for status in _STYLES)
    seconds = sum(each.seconds for each in every)
    line = Text(f"{counts} in {seconds:.0f} s", style="bold")
    guilty = [title for title, outcomes in found.items() if any(each.status == "failed" for each in outcomes)]
    if guilty:
        line.append(f"; to mend: {', '.join(guilty)}", style="bold red")
    return line
