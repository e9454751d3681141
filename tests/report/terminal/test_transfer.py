from __future__ import annotations

import io
import sys

import pytest

from gzslbench.report.terminal import progress
from gzslbench.report.terminal.progress import show_transfer


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when told to."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_are_lines_at_the_start_at_the_end_and_now_and_then(capsys, clock):
    with show_transfer() as watch:
        watch.begin("lab.zip", 2**21, 2**19)
        watch.advance(2**19)
        clock[0] = 6.0
        watch.advance(2**18)
        watch.log("a word")
        watch.advance(2**20 - 2**18)
        watch.begin("other", None)
        clock[0] = 12.0
        watch.advance(100)
    assert capsys.readouterr().err.splitlines() == [
        "lab.zip: 512.0 KiB of 2.0 MiB",
        "lab.zip: 1.2 MiB of 2.0 MiB",
        "a word",
        "lab.zip: 2.0 MiB of 2.0 MiB",
        "other: 0 bytes",
        "other: 100 bytes",
    ]


def test_on_a_terminal_a_bar_shows_what_was_received(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_transfer() as watch:
        watch.log("[a word]")
        watch.begin("[lab].zip", 2**21)
        watch.advance(2**20)
        watch.begin("second.zip", None)
        watch.advance(2**20)
    shown = screen.getvalue()
    assert "[a word]" in shown
    assert "[lab].zip" in shown
    assert "1.0/2.0 MiB" in shown
    assert shown.index("second.zip") > shown.index("[lab].zip")
