"""Every page of a method or head says how it differs from the published program, and what that does."""

from __future__ import annotations

from pathlib import Path

import pytest

import gzslbench_methods

FOLDER = Path(gzslbench_methods.__file__).parent
PAGES = {file.parent.name: file.with_name("README.md") for file in FOLDER.rglob("defaults.toml")}
SECTION = "\n## Differences from the published program\n"


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table, row by row, without the line below the header."""
    blocks: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                blocks.append([])
            blocks[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        inside = line.startswith("|")
    return [[row for row in block if set("".join(row)) != {"-"}] for block in blocks]


def test_there_is_a_page_for_every_method_and_head() -> None:
    assert len(PAGES) >= 18 and all(page.is_file() for page in PAGES.values())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_it_lists_the_differences_each_with_its_effect(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert text.count(SECTION) == 1
    found = tables(text.partition(SECTION)[2].partition("\n## ")[0])
    assert found
    for header, *rows in found:
        assert header[-2:] == ["here", "effect"]
        assert rows
        for row in rows:
            assert len(row) == len(header), row
            assert row[0] and row[-2] and row[-1], row
