from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench_benchmarks.speed import contest as module
from gzslbench_benchmarks.speed.contest import SLOW_ROUNDS, Contestant, Setting, contest
from gzslbench_benchmarks.speed.measurement import Measurement, Row


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a program moves it."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def taking(clock, calls, name, seconds):
    def program():
        calls.append(name)
        clock[0] += seconds

    return lambda: calls.append(f"build {name}") or program


def test_contestants_are_timed_in_turn_after_a_round_to_warm_up(clock, conditions):
    calls, rows = [], []
    contestants = [Contestant(name, taking(clock, calls, name, s)) for name, s in (("ours", 2), ("other", 6))]
    contest(Setting("one", contestants), conditions, rows)
    assert calls == ["build ours", "ours", "build other", "other", *["ours", "other"] * conditions.rounds]
    assert [row.seconds for row in rows] == [[2, 2, 2], [6, 6, 6]]


def test_slow_contestants_are_not_warmed_up_and_run_fewer_rounds_but_two_at_least(clock, conditions):
    calls, rows = [], []
    slow = Contestant("slow", taking(clock, calls, "slow", 9), slow=True)
    contest(Setting("one", [slow]), conditions, rows)
    assert SLOW_ROUNDS == 2
    assert calls == ["build slow", "slow", "slow"]
    contest(Setting("one", [slow]), replace(conditions, rounds=1), rows)
    assert rows[1].seconds == [9]


@pytest.mark.parametrize(
    "shortage", [MemoryError("none left"), RuntimeError("DefaultCPUAllocator: none left")]
)
def test_a_contestant_out_of_memory_leaves_and_the_others_go_on(clock, conditions, shortage):
    calls, rows, told = [], [], []

    def fail():
        raise shortage

    def fails_later():
        calls.append("later")
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
    contest(setting, conditions, rows, told.append)
    ours, never, later, weighed = rows
    assert len(ours.seconds) == conditions.rounds and ours.failure is None
    assert never.seconds == [] and "none left" in never.failure
    assert len(later.seconds) == 1 and "none left" in later.failure
    assert weighed.peak_bytes is None and "none left" in weighed.failure
    assert sum("none left" in line for line in told) == 3


def test_a_program_that_is_wrong_is_no_shortage(conditions):
    def wrong():
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        contest(Setting("one", [Contestant("ours", lambda: wrong)]), conditions, [])


def test_memory_is_measured_where_it_is_asked_for_without_a_program_too(conditions):
    rows = []
    contest(Setting("one", [Contestant("ours", memory=lambda: 3 << 20)]), conditions, rows)
    assert rows == [Row("one", "ours", peak_bytes=3 << 20)]


def test_an_interruption_keeps_every_round_until_then(clock, conditions):
    calls, rows = [], []

    def interrupted():
        if len(calls) > 4:
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
        Row("large", "not begun"),
    ]
    told = Measurement("case", "title", conditions, 1, rows).as_dict()["rows"]
    assert [row["contestant"] for row in told] == ["ours", "plain", "ours", "plain"]
    assert [row["median"] for row in told] == [3.0, 60.0, 5.0, None]
    assert [row["ratio"] for row in told] == [1.0, 20.0, 1.0, None]
    assert [row["peak_ratio"] for row in told] == [1.0, 2.5, None, None]
    assert told[3]["failure"] == "memory ran out"
