"""What ``gzslbench run --together`` shows."""

from __future__ import annotations

import io
import sys

import pytest

from gzslbench.report.console.progress import watch_together
from gzslbench.runs.cell import Cell


class Screen(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_every_seed_is_shown_by_name_with_its_own_scores(monkeypatch, is_terminal) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Screen(is_terminal))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    cells = [Cell("ce-gzsl", 1, "digits", "task", "minmax", {}, seed) for seed in (1, 2)]
    with watch_together(cells) as watchers:
        for position, cell in enumerate(cells):
            watcher = watchers[cell.id]
            watcher.start("final", 4, 0)
            watcher.iteration()
            metrics = {"U": 10.0, "S": 20.0, "H": 30.0 + position}
            watcher.epoch({"leg": "final", "stage": "game", "epoch": 1, "losses": {}, "metrics": metrics})
    shown = screen.getvalue()
    for seed, score in ((1, "H 30.0"), (2, "H 31.0")):
        line = [line for line in shown.splitlines() if f"seed {seed}" in line][-1]
        assert score in line


def test_it_refuses_to_trace_several_seeds(invoke, tmp_path) -> None:
    outcome = invoke(
        "run", "--method", "ce-gzsl", "--dataset", "digits", "--seed", "1", "--together", "--profile"
    )
    assert outcome.exit_code == 2 and "leave out --together" in outcome.output
    assert not (tmp_path / "results").exists()
