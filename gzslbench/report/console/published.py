"""Published numbers on the terminal and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.console.console import key_values
from gzslbench.report.published import METRICS, PublishedNumber

TITLE = "published numbers"
INCONSISTENT, COMPUTED = "!", "*"
UNSEEN_SOURCE = {"memory": "?", "doubtful": "??"}
MEANING = {
    INCONSISTENT: "H is not 2US/(U+S): one of the three is wrong",
    COMPUTED: "H computed from U and S",
    "?": "from memory, not looked up again",
    "??": "from memory, and doubtful",
}
_OF_METHOD = ("method", "title", "paper")


def as_json(number: PublishedNumber) -> dict[str, Any]:
    """Every field but the method's, with the computed harmonic mean and whether H agrees with it."""
    values = dataclasses.asdict(number)
    kept = {name: value for name, value in values.items() if name not in _OF_METHOD}
    return {**kept, "harmonic": number.harmonic, "consistent": number.consistent}


def published_rows(numbers: Sequence[PublishedNumber]) -> tuple[list[dict[str, str]], list[str]]:
    """A row a number: its cells by column, that of the marks without a name; and the remarks.

    ``source`` counts the remarks from 1.
    """
    remarks = list(dict.fromkeys(remark for number in numbers for remark in _remarks(number)))
    rows = [_row(number, remarks) for number in numbers]
    if all(number.features == "res101" for number in numbers):
        rows = [{name: cell for name, cell in row.items() if name != "features"} for row in rows]
    return rows, remarks


def published_table(numbers: Sequence[PublishedNumber]) -> RenderableType:
    """A row a number; marks of what is doubtful and references to the sources, explained below it."""
    if not numbers:
        return Text.assemble((TITLE, "bold"), "  none known")
    rows, remarks = published_rows(numbers)
    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for name in rows[0]:
        score = name in METRICS
        table.add_column(name, justify="right" if score else "left", no_wrap=score, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()), style="yellow" if row[""] else "")
    used = {mark for row in rows for mark in row[""].split()}
    below = {mark: meaning for mark, meaning in MEANING.items() if mark in used}
    below |= {str(at): remark for at, remark in enumerate(remarks, start=1)}
    title = Text.assemble((TITLE, "bold"), "  in percent, as others print them")
    return Group(title, table, key_values(below))


def _row(number: PublishedNumber, remarks: list[str]) -> dict[str, str]:
    """The cells by the name of their column; the column of marks has none."""
    H, marks = number.H, [INCONSISTENT] if number.consistent is False else []
    if H is None and number.harmonic is not None:
        H, marks = round(number.harmonic, 1), [COMPUTED]
    if number.verified in UNSEEN_SOURCE:
        marks.append(UNSEEN_SOURCE[number.verified])
    return {
        "dataset": number.dataset,
        "semantics": number.semantics,
        "features": number.features,
        "fine-tuned": "yes" if number.finetuned else "no",
        "U": _score(number.U),
        "S": _score(number.S),
        "H": _score(H),
        "T1": _score(number.T1),
        "": " ".join(marks),
        "split": number.split,
        "verified": number.verified,
        "source": ", ".join(str(remarks.index(remark) + 1) for remark in _remarks(number)),
    }


def _score(value: float | None) -> str:
    """One decimal, as tables have it, or two where two are printed."""
    return "" if value is None else f"{value:.2f}".removesuffix("0")


def _remarks(number: PublishedNumber) -> list[str]:
    """What kind of number it is and its source; then the note."""
    setting = "" if number.setting == "inductive" else number.setting
    kind = ", ".join(filter(None, (number.label, setting)))
    return [f"{kind}: {number.source}" if kind else number.source, *filter(None, [number.note])]
