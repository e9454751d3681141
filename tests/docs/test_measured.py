"""The tables of results in the README and in docs/measured.md show numbers that are stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

import pytest

ROOT = Path(__file__).parents[2]
METRICS = ROOT / "benchmarks" / "metrics"
TASKS = {
    "Oxford Flowers, EfficientNet-Lite0": ("flo-lite0.json", "FLO"),
    "CUB with attributes": ("cub-resnet1000.json", "CUB/att"),
    "CUB with sentences": ("cub-resnet1000.json", "CUB/sent-unit"),
    "100 classes of CUB, EfficientNet-Lite0": ("cub100-lite0.json", "CUB100"),
}


def stored(file: str, task: str) -> dict[str, list[str]]:
    """The stored calibrated T1, U, S and H of a task, by method, without controls."""
    groups = json.loads((METRICS / file).read_text("utf-8"))["runs"]
    return {
        name.replace(f" on {task}", "").replace(", head=", "+"): [
            f"{fmean(run['by_rule']['val-calibrated'][metric] for run in group['runs']):.1f}"
            for metric in ("T1", "U", "S", "H")
        ]
        for name, group in groups.items()
        if f"{name}, ".partition(" on ")[2].split(",")[0] == task and "shuffled" not in name
    }


def shown(text: str) -> dict[str, list[list[str]]]:
    """By method, the five cells of each task of the table in ``text``; the rows are by falling mean H."""
    lines = re.findall(r"^\|([^|]+)\|([\d.]+\|.*)\|$", text, re.MULTILINE)
    rows = {name.lower(): line.split("|") for name, line in lines}
    tasks = {name: [cells[at : at + 5] for at in range(0, len(cells), 5)] for name, cells in rows.items()}
    means = [fmean(float(cells[3]) for cells in found) for found in tasks.values()]
    assert means == sorted(means, reverse=True)
    for *_, H, interval in (cells for found in tasks.values() for cells in found):
        low, high = interval.split("–")
        assert float(low) < float(H) < float(high)
    return tasks


def test_the_readme_shows_the_stored_means_of_two_tasks():
    rows = shown((ROOT / "README.md").read_text("utf-8"))
    assert {name: cells[0][:4] for name, cells in rows.items()} == stored("flo-lite0.json", "FLO")
    assert {name: cells[1][:4] for name, cells in rows.items()} == stored("cub-resnet1000.json", "CUB/att")


@pytest.mark.parametrize("title", TASKS)
def test_the_page_of_results_shows_the_stored_means_of_each_task(title):
    page = (ROOT / "docs" / "measured.md").read_text("utf-8")
    section = re.split(r"^## ", page.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]
    rows = shown(section)
    assert {name: cells[0][:4] for name, cells in rows.items()} == stored(*TASKS[title])


def test_the_page_of_features_shows_the_stored_means_on_regions_and_on_pooled_features():
    line = r"^\| ([\w-]+) \| (?:regions|pooled) \| (.*?) \(.*\) \|$"
    rows = re.findall(line, page("features"), re.MULTILINE)
    found = {name.lower(): numbers.split(" | ") for name, numbers in rows}
    regions, pooled = (stored("cub100-regions.json", f"CUB100/{name}") for name in ("att+words", "att"))
    assert found == {**regions, **pooled}


def test_the_page_of_fine_tuning_shows_the_stored_means_on_frozen_and_fine_tuned_features():
    lines = re.findall(r"^\|([\w+-]+)\|([\d.]+\|.*)\|$", page("finetuning"), re.MULTILINE)
    found = {name.lower(): numbers.split("|") for name, numbers in lines}
    frozen, tuned = (stored(file, "CUB100") for file in ("cub100-lite0.json", "cub100-finetuned.json"))
    assert found == {name: frozen[name] + numbers for name, numbers in tuned.items()}


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")
