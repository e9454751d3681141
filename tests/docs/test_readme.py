"""The README is short, and shows numbers that are stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
LIMIT = 900
"""Words of the README: what is longer belongs into a page."""


METRICS = ROOT / "benchmarks" / "metrics"


def stored(file: str, task: str) -> dict[str, list[str]]:
    """The stored calibrated T1, U, S and H of a task, by method, without controls."""
    groups = json.loads((METRICS / file).read_text("utf-8"))["runs"]
    return {
        name.replace(f" on {task}", "").replace(", head=", "+"): [
            f"{fmean(run['by_rule']['val-calibrated'][metric] for run in group['runs']):.1f}"
            for metric in ("T1", "U", "S", "H")
        ]
        for name, group in groups.items()
        if f" on {task}" in name and "shuffled" not in name
    }


def test_the_table_shows_the_means_of_the_stored_metrics_in_the_order_of_the_mean_h():
    lines = re.findall(r"^\|([^|]+)\|([\d.]+\|.*)\|$", README.read_text("utf-8"), re.MULTILINE)
    rows = {name.lower(): cells.split("|") for name, cells in lines}
    assert {name: cells[:4] for name, cells in rows.items()} == stored("flo-lite0.json", "FLO")
    assert {name: cells[5:9] for name, cells in rows.items()} == stored("cub-resnet1000.json", "CUB/att")
    both = [float(cells[3]) + float(cells[8]) for cells in rows.values()]
    assert both == sorted(both, reverse=True)
    for cells in rows.values():
        for H, interval in (cells[3:5], cells[8:10]):
            low, high = interval.split("–")
            assert float(low) < float(H) < float(high)


def test_every_command_of_the_makefile_has_a_line_in_its_help():
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= told


def test_it_has_at_most_900_words():
    assert len(README.read_text(encoding="utf-8").split()) <= LIMIT
