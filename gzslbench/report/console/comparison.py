"""Comparisons with published numbers, as a sheet and as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from gzslbench.report.console.sheets.sheet import Cell, Sheet
from gzslbench.report.leaderboard.comparison import Comparison

HEADER = ("method", "dataset", "published", "stored", "ours", "n", "difference", "verdict", "source")
_DASH = "–"


def sheet_of(comparisons: Sequence[Comparison], rule: str, metric: str) -> Sheet:
    """A row a published number."""
    title = f"{metric} (%): published, ours when stored, ours now by {rule}"
    words = [HEADER.index(name) for name in ("method", "dataset", "verdict", "source")]
    return Sheet(title, HEADER, [_row(each) for each in comparisons], list(_notes(comparisons, rule)), words)


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Everything, with sources and runs."""
    return json.dumps([_as_dict(each) for each in comparisons], indent=1) + "\n"


def _row(each: Comparison) -> list[Cell]:
    estimate = each.now.estimate
    spread = "" if estimate.std is None else f" ± {estimate.std:.1f}"
    numbers = (each.value, each.stored)
    return [
        Cell(each.row),
        Cell(each.dataset),
        *(Cell(_DASH if value is None else f"{value:.1f}") for value in numbers),
        Cell(f"{estimate.mean:.1f}{spread}"),
        Cell(str(estimate.n)),
        Cell(_DASH if each.difference is None else f"{each.difference:+.1f}"),
        Cell(each.verdict, best=each.verdict == "agrees"),
        Cell("" if each.published is None else _source(each)),
    ]


def _source(each: Comparison) -> str:
    number = each.published
    assert number is not None
    words = [number.source, f"verified: {number.verified}", number.label, each.why_not or ""]
    return "; ".join(word for word in words if word)


def _notes(comparisons: Sequence[Comparison], rule: str) -> Iterator[str]:
    if comparisons:
        yield f"a difference of {comparisons[0].tolerance:g} points or less counts as agreement (--tolerance)"
    if rule in ("last", "val"):
        yield (
            "most published numbers are the best epoch on test, which favours them; --select test-peek"
            " chooses ours the same way"
        )


def _as_dict(each: Comparison) -> dict[str, Any]:
    number = each.published
    return {
        "method": each.method,
        "row": each.row,
        "dataset": each.dataset,
        "published": each.value,
        "source": None if number is None else number.source,
        "verified": None if number is None else number.verified,
        "label": None if number is None else number.label,
        "stored": each.stored,
        "ours": each.now.estimate.mean,
        "std": each.now.estimate.std,
        "n": each.now.estimate.n,
        "difference": each.difference,
        "verdict": each.verdict,
        "why_not": each.why_not,
        "runs": [entry.summary.id for entry in each.now.entries],
    }
