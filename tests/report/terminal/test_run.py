from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console

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
