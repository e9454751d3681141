"""docs/protocol.md: its table and its sentences follow from the stored metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
RULES = ("last", "test-peek-inner", "test-peek-outer", "test-peek")


@pytest.fixture(scope="module")
def means() -> dict[str, list[float]]:
    """H by rule of every group of runs without shuffled semantics."""
    runs = json.loads((ROOT / "benchmarks" / "metrics" / "flo-lite0.json").read_text(encoding="utf-8"))[
        "runs"
    ]
    return {
        label: [fmean(run["by_rule"][rule]["H"] for run in entry["runs"]) for rule in RULES]
        for label, entry in runs.items()
        if "shuffled" not in label and all("last" in run["by_rule"] for run in entry["runs"])
    }


def test_the_table_has_the_stored_metrics(means):
    rows = re.findall(r"^\| ([^|]+) \| \d+ \| ([\d. |]+) \|$", PAGE, re.MULTILINE)
    found = {label: [float(cell) for cell in cells.split(" | ")] for label, cells in rows}
    expected = {label: [*values, values[3] - values[0]] for label, values in means.items()}
    assert found.keys() == expected.keys()
    for label, values in expected.items():
        assert found[label] == pytest.approx(values, abs=0.051), label


def test_the_sentence_below_the_table_follows_from_it(means):
    gains = [values[3] - values[0] for values in means.values()]
    average, largest = re.search(
        r"The gain is ([\d.]+) points on average and ([\d.]+) at most", PAGE
    ).groups()
    assert [f"{fmean(gains):.1f}", f"{max(gains):.1f}"] == [average, largest]
    by_rule = [sorted(means, key=lambda label: -means[label][rule]) for rule in (0, 3)]
    assert [order.index("sdgzsl") + 1 for order in by_rule] == [12, 4]
    for page in ("docs/faq.md", "docs/concepts/selection.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert average in text and largest in text, page


def test_the_count_of_claims_is_that_of_the_page_about_them():
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")][2:]
    held = [[verdict.startswith(("holds (", "holds in all")) for verdict in (row[5], row[8])] for row in rows]
    by_h, by_area = (sum(column) for column in zip(*held, strict=True))
    assert f"{by_h} of {len(rows)} hold by H, and {by_area} by AUSUC" in PAGE
    changed = [row[0] for row, (before, after) in zip(rows, held, strict=True) if before != after]
    text = " ".join(page.split())
    assert f"The two disagree on {len(changed)} of {len(rows)} claims" in text
