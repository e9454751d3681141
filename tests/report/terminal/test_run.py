from __future__ import annotations

import io
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from gzslbench.api.run import RunResult
from gzslbench.report.terminal.run import run_summary
from gzslbench.runs.store import RunFolder


def printed(record, folder: RunFolder) -> str:
    out = Console(file=io.StringIO(), width=200)
    out.print(run_summary(record, folder))
    return out.file.getvalue()


@pytest.mark.parametrize("root", ["my results", "it's", "$HOME/x", "plain"])
def test_the_next_command_is_read_by_the_shell_as_it_is_meant(record, root: str) -> None:
    text = printed(record, RunFolder(Path(root) / record.id))
    command = next(line for line in text.splitlines() if "gzslbench show" in line).split("next")[1]
    assert shlex.split(command) == ["gzslbench", "show", record.id, "--results", root]


def test_the_next_command_names_no_results_where_they_are_looked_for_anyway(record) -> None:
    text = printed(record, RunFolder(Path("results") / record.id))
    assert f"gzslbench show {record.id}" in text
    assert "--results" not in text


@pytest.mark.parametrize(
    ("S", "T1", "classes", "control", "warned"),
    [
        (1.9, 50.0, (50, 50), None, "S is 1.9 %"),
        (2.1, 50.0, (50, 50), None, ""),
        (60.0, 3.9, (150, 50), None, "T1 is 3.9 %"),
        (60.0, 4.1, (150, 50), None, ""),
        (60.0, 0.0, (8, 2), None, ""),  # too few classes: T1 may be low by bad luck
        (60.0, None, (150, 50), None, ""),
        (1.9, 1.9, (50, 50), "chance", ""),
        (1.9, 1.9, (None, None), None, ""),  # an old record does not count its classes
    ],
)
def test_accuracies_near_chance_are_a_warning(record, S, T1, classes, control, warned) -> None:
    task = replace(record.task, seen_classes=classes[0], unseen_classes=classes[1])
    numbers = replace(record.metrics["last"], S=S, T1=T1, U=0.0)
    near = replace(record, metrics={"last": numbers}, task=task, cell=replace(record.cell, control=control))
    folder = RunFolder(Path("results") / record.id)
    for shown in (printed(near, folder), "".join(RunResult([near], [folder]).tables()[0].notes)):
        assert ("near chance: check the order of rows, labels and classes" in shown) == bool(warned)
        assert warned in shown
