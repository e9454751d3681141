"""The report of a profiled window."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.instrumentation import PREFIX, span, spans_recorded
from gzslbench.report.terminal.profile import print_profile, profile_report
from gzslbench.runs.profile import Profile


def row(key, count, cpu, device=0.0, self_cpu=None, self_device=None):
    """As much of an average of torch's profiler as the report reads; times in µs."""
    return SimpleNamespace(
        key=key,
        count=count,
        cpu_time_total=cpu,
        device_time_total=device,
        self_cpu_time_total=cpu if self_cpu is None else self_cpu,
        self_device_time_total=device if self_device is None else self_device,
    )


def printed(report) -> list[str]:
    out = Console(file=io.StringIO(), width=160)
    out.print(report)
    return out.file.getvalue().splitlines()


def line_of(name, lines):
    return next(line.split() for line in lines if line.startswith(name))


@pytest.mark.parametrize("cuda", [False, True])
def test_phases_have_all_their_time_and_operators_their_own(record, cuda) -> None:
    averages = [
        row("aten::mm", 4, 900.0, 300.0 * cuda, self_cpu=40.0),
        row("aten::add", 2, 50.0),
        row(PREFIX + "critic", 2, 700.0, 200.0 * cuda, self_device=0.0),
        row(PREFIX + "iteration", 1, 1000.0, 300.0 * cuda, self_device=0.0),
    ]
    run = replace(record.run, seconds_train=12.5, seconds_evaluate=3.25)
    lines = printed(profile_report(averages, replace(record, run=run), "trace.json.gz"))
    device = {"critic": ["0.20", "0.100"], "aten::mm": ["0.30", "0.075"], "aten::add": ["0.00", "0.000"]}
    for name, expected in (
        ("critic", ["critic", "2", "0.70", "0.350"]),
        ("aten::mm", ["aten::mm", "4", "0.04", "0.010"]),
        ("aten::add", ["aten::add", "2", "0.05", "0.025"]),
    ):
        assert line_of(name, lines) == expected + (device[name] if cuda else [])
    names = [line.split()[0] for line in lines if line]
    assert names.index("iteration") < names.index("critic")
    assert any("12.50 s" in line for line in lines) and any("3.25 s" in line for line in lines)


@pytest.fixture(scope="module")
def averages():
    """Averages of a small training, by torch's profiler."""
    weight = torch.randn(32, 32, requires_grad=True)
    adam = torch.optim.Adam([weight])
    with profile(activities=[ProfilerActivity.CPU]) as profiler, spans_recorded():
        for _ in range(3):
            with span("iteration"), span("critic"):
                adam.zero_grad()
                (torch.randn(64, 32) @ weight).relu().mean().backward()
                adam.step()
    return profiler.key_averages()


def test_programs_get_nothing_on_standard_output(averages, record, tmp_path, capsys) -> None:
    done = Profile("cpu")
    done.trace, done.averages = tmp_path / "trace.json.gz", averages
    print_profile(done, record, quiet=True)
    printed = capsys.readouterr()
    assert printed.out == "" and "trace.json.gz" in printed.err
    print_profile(done, record, quiet=False)
    lines = capsys.readouterr().out.splitlines()
    assert line_of("iteration", lines)[1] == line_of("critic", lines)[1] == "3"
    assert line_of("aten::mm", lines)[1] >= "3"
