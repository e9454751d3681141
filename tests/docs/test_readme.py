"""The README is short, and shows numbers that are stored."""

from __future__ import annotations

import json
import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
LIMIT = 900
"""Words of the README: what is longer belongs into a page."""


def test_the_run_shown_is_one_of_the_stored_metrics():
    shown = re.search(
        r"^last +([\d.]+) +([\d.]+) +([\d.]+)", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert shown is not None
    metrics = README.parent / "benchmarks" / "metrics" / "cub-resnet1000.json"
    stored = json.loads(metrics.read_text(encoding="utf-8"))
    (run,) = stored["runs"]["eszsl on CUB/att"]["runs"]
    # A closed form has no epochs, so choosing them on validation classes changes nothing.
    assert list(shown.groups()) == [f"{run['by_rule']['val'][name]:.2f}" for name in ("U", "S", "H")]


def test_every_command_of_the_makefile_has_a_line_in_its_help():
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= told


def test_it_has_at_most_900_words():
    assert len(README.read_text(encoding="utf-8").split()) <= LIMIT
