"""The README is short, and shows numbers that are stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

README = Path(__file__).parents[2] / "README.md"
LIMIT = 900
"""Words of the README: what is longer belongs into a page."""


def test_the_table_shows_the_means_of_the_stored_metrics_in_the_order_of_h():
    rows = re.findall(r"^\|([^|]+)\|([\d.|]+)\|([\d.]+)–([\d.]+)\|$", README.read_text("utf-8"), re.MULTILINE)
    stored = json.loads((README.parent / "benchmarks" / "metrics" / "flo-lite0.json").read_text("utf-8"))
    means = {
        name.replace(" on FLO", "").replace(", head=", "+"): [
            f"{fmean(run['by_rule']['val-calibrated'][metric] for run in group['runs']):.1f}"
            for metric in ("T1", "U", "S", "H")
        ]
        for name, group in stored["runs"].items()
        if " on FLO" in name
    }
    assert {name.lower(): numbers.split("|") for name, numbers, *_ in rows} == means
    H = [float(numbers.split("|")[-1]) for _, numbers, *_ in rows]
    assert H == sorted(H, reverse=True)
    assert all(float(low) < value < float(high) for value, (*_, low, high) in zip(H, rows, strict=True))


def test_every_command_of_the_makefile_has_a_line_in_its_help():
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= told


def test_it_has_at_most_900_words():
    assert len(README.read_text(encoding="utf-8").split()) <= LIMIT
