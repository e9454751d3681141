"""The README is short, and names every command of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
LIMIT = 900
"""Words of the README: what is longer belongs into a page."""


def test_every_command_of_the_makefile_has_a_line_in_its_help():
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= told


def test_it_has_at_most_900_words():
    assert len(README.read_text(encoding="utf-8").split()) <= LIMIT
