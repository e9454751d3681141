from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from gzslbench_benchmarks.speed import contest as module
from gzslbench_benchmarks.speed.contest import CUDA_WARM_UP, SLOW_ROUNDS, Contestant, Setting, contest
from gzslbench_benchmarks.speed.measurement import Measurement, Row


@pytest.fixture
def clock(monkeypatch):
    """A clock that only a program moves."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def taking(clock, calls, name, seconds):
    def program():
        calls.append(name)
        clock[0] += seconds

    return lambda: calls.append(f"build {name}") or program


class Allocator:
    """What torch reports about a CUDA device's memory, and when the host waits for the device."""

    def __init__(self):
        self.now, self.most, self.calls = 1000, 9000, []  # the peak is one of long ago

    def take(self, amount):
        self.now += amount
        self.most = max(self.most, self.now)

    def reset(self, _):
        self.most = self.now


@pytest.fixture
def allocator(monkeypatch):
    made = Allocator()
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: made.calls.append("wait"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", made.reset)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: made.now)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: made.most)
    return made


@pytest.fixture
def cuda(conditions, allocator):
    return replace(conditions, device=torch.device("cuda"))


def test_contestants_are_timed_in_turn_each_right_after_an_untimed_call_of_its_own(clock, conditions):
    calls, rows = [], []
    contestants = [Contestant(name, taking(clock, calls, name, s)) for name, s in (("ours", 2), ("other", 6))]
    contest(Setting("one", contestants), conditions, rows)
    in_turn = ["ours", "ours", "other", "other"]
    assert calls == ["build ours", "build other", *in_turn * conditions.rounds]
    assert [row.seconds for row in rows] == [[2, 2, 2], [6, 6, 6]]


def test_the_cpu_clock_counts_only_the_time_that_the_process_computes(clock, conditions, monkeypatch):
    rows, computed = [], [0.0]
    monkeypatch.setattr(module.time, "process_time", lambda: computed[0])

    def program():
        clock[0] += 9.0  # while other processes had the processor
        computed[0] += 2.0

    on_cpu = replace(conditions, clock="cpu")
    contest(Setting("one", [Contestant("ours", lambda: program)]), on_cpu, rows)
    assert rows[0].seconds == [2, 2, 2]
    assert Measurement("case", "title", on_cpu, 1, None, rows).as_dict()["clock"] == "cpu"


def test_a_long_program_is_called_untimed_only_before_its_first_round(clock, conditions):
    calls, rows = [], []
    contest(Setting("one", [Contestant("long", taking(clock, calls, "long", module.LONG))]), conditions, rows)
    assert calls == ["build long"] + ["long"] * (1 + conditions.rounds)
    assert rows[0].seconds == [module.LONG] * conditions.rounds


def test_slow_contestants_are_called_by_the_same_rule_in_fewer_rounds_but_two_at_least(clock, conditions):
    calls, rows = [], []
    slow = Contestant("slow", taking(clock, calls, "slow", 9), slow=True)
    contest(Setting("one", [slow]), conditions, rows)
    assert SLOW_ROUNDS == 2
    assert calls == ["build slow", *["slow", "slow"] * SLOW_ROUNDS]
    contest(Setting("one", [slow]), replace(conditions, rounds=1), rows)
    assert rows[1].seconds == [9]


def test_a_program_that_is_timed_once_is_not_called_before(clock, conditions):
    calls, rows = [], []
    once = Contestant("once", taking(clock, calls, "once", 0.01), once=True)
    contest(Setting("one", [once]), conditions, rows)
    assert calls == ["build once", "once"]
    assert rows[0].seconds == [0.01]


@pytest.mark.parametrize(("seconds", "times"), [(0.0625, 4), (0.125, 2), (0.1875, 2), (0.25, 1), (7, 1)])
def test_a_short_program_is_called_until_a_round_is_long_enough(clock, conditions, seconds, times):
    calls, rows = [], []
    short = Contestant("short", taking(clock, calls, "short", seconds))
    contest(Setting("one", [short]), replace(conditions, rounds=1), rows)
    assert calls.count("short") == 1 + times
    assert rows[0].seconds == [seconds]


def test_a_round_of_ours_and_the_call_before_it_keep_freed_memory_and_others_do_not(
    clock, conditions, monkeypatch
):
    calls, rows = [], []

    @contextmanager
    def kept():
        calls.append("keep")
        yield True
        calls.append("give back")

    monkeypatch.setattr(module, "freed_memory_kept", kept)
    ours = Contestant("ours", taking(clock, calls, "ours", 1), keeps_memory=True)
    other = Contestant("other", taking(clock, calls, "other", 1))
    contest(Setting("one", [ours, other]), replace(conditions, rounds=1), rows)
    assert calls[2:] == ["keep", "ours", "ours", "give back", "other", "other"]


@pytest.mark.parametrize("kind", [{}, {"slow": True}, {"keeps_memory": True}])
def test_on_cuda_every_contestant_is_warmed_up_alike_and_waited_for_only_at_the_ends(
    clock, cuda, allocator, kind
):
    calls = allocator.calls
    contestant = Contestant("one", taking(clock, calls, "one", 0.0625), **kind)
    contest(Setting("one", [contestant]), replace(cuda, rounds=1), [])
    untimed, timed = ["wait", "one", "wait"], ["wait", *["one"] * 4, "wait"]
    assert calls == ["build one", *["one"] * CUDA_WARM_UP, *untimed, *timed]


def test_on_cuda_the_peak_is_of_building_and_warming_up_and_none_of_the_other_contestants(
    clock, cuda, allocator
):
    def building(amount, step):
        calls = []

        def program():
            clock[0] += 1
            calls.append("call")
            if len(calls) <= CUDA_WARM_UP:  # later ones are replays
                allocator.take(step)
                allocator.take(-step)

        return lambda: allocator.take(amount) or program

    rows = []
    contestants = [Contestant("ours", building(70, 8)), Contestant("other", building(500, 44))]
    contest(Setting("one", contestants), cuda, rows)
    assert [row.peak_bytes for row in rows] == [78, 544]


@pytest.mark.parametrize(
    "shortage", [MemoryError("none left"), RuntimeError("DefaultCPUAllocator: none left")]
)
def test_a_contestant_out_of_memory_leaves_and_the_others_continue(clock, conditions, shortage):
    calls, rows, lines = [], [], []

    def fail():
        raise shortage

    def fails_later():
        calls.append("later")
        clock[0] += 1
        if calls.count("later") == 3:
            raise shortage

    setting = Setting(
        "one",
        [
            Contestant("ours", taking(clock, calls, "ours", 1)),
            Contestant("never", lambda: fail),
            Contestant("later", lambda: fails_later),
            Contestant("weighed", memory=fail),
        ],
    )
    contest(setting, conditions, rows, lines.append)
    ours, never, later, weighed = rows
    assert len(ours.seconds) == conditions.rounds and ours.failure is None
    assert never.seconds == [] and "none left" in never.failure
    assert len(later.seconds) == 1 and "none left" in later.failure
    assert weighed.peak_bytes is None and "none left" in weighed.failure
    assert sum("none left" in line for line in lines) == 3


def test_a_program_that_is_wrong_is_not_a_shortage(conditions):
    def wrong():
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        contest(Setting("one", [Contestant("ours", lambda: wrong)]), conditions, [])


def test_memory_is_measured_without_a_program_too(conditions):
    rows = []
    contest(Setting("one", [Contestant("ours", memory=lambda: 3 << 20)]), conditions, rows)
    assert rows == [Row("one", "ours", peak_bytes=3 << 20)]


def test_an_interruption_keeps_every_round_until_then(clock, conditions):
    calls, rows = [], []

    def interrupted():
        clock[0] += 1
        if calls.count("ours") > 4:
            raise KeyboardInterrupt

    contestants = [
        Contestant("ours", taking(clock, calls, "ours", 1)),
        Contestant("other", lambda: interrupted),
    ]
    with pytest.raises(KeyboardInterrupt):
        contest(Setting("one", contestants), replace(conditions, rounds=9), rows)
    assert [len(row.seconds) for row in rows] == [3, 2]


def test_medians_and_ratios_are_to_the_first_of_the_same_setting(conditions):
    rows = [
        Row("small", "ours", [4.0, 2.0, 3.0], peak_bytes=10),
        Row("small", "plain", [30.0, 90.0], peak_bytes=25),
        Row("large", "ours", [5.0]),
        Row("large", "plain", [], failure="memory ran out"),
        Row("large", "not started"),
    ]
    lines = Measurement("case", "title", conditions, 1, None, rows).as_dict()["rows"]
    assert [row["contestant"] for row in lines] == ["ours", "plain", "ours", "plain"]
    assert [row["median"] for row in lines] == [3.0, 60.0, 5.0, None]
    assert [row["ratio"] for row in lines] == [1.0, 20.0, 1.0, None]
    assert [row["peak_ratio"] for row in lines] == [1.0, 2.5, None, None]
    assert lines[3]["failure"] == "memory ran out"
