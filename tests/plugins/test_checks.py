"""A plan checks each value once; a leaderboard checks a preset once."""

from __future__ import annotations

from collections import Counter

import pytest

from gzslbench.computing import device
from gzslbench.plugins import presets
from gzslbench.plugins.params import ParamInfo, build, fields_of
from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard import entry
from gzslbench.runs.plan import Request, make_plan


@pytest.fixture
def checked(monkeypatch) -> Counter[str]:
    """How often each parameter has been checked."""
    counts: Counter[str] = Counter()
    check = ParamInfo.check

    def count(info: ParamInfo, value: object, where: str) -> object:
        counts[info.name] += 1
        return check(info, value, where)

    monkeypatch.setattr(ParamInfo, "check", count)
    return counts


def count_calls(monkeypatch, owner: object, name: str) -> list[tuple[object, ...]]:
    calls = []
    function = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: (calls.append(args), function(*args))[1])
    return calls


def test_a_plan_checks_each_value_once_and_reads_one_table(checked, monkeypatch) -> None:
    spec, head = plugins().method("ce-gzsl"), plugins().head("zlap")
    for cls in (spec.params, head.params):
        build(cls, {}, "the defaults, which are checked once per process")
    checked.clear()
    tables = count_calls(monkeypatch, presets, "_preset")
    devices = count_calls(monkeypatch, device, "resolve_device")
    request = Request("ce-gzsl", "synthetic", settings=("batch_size=8",), epochs=1, device="cpu")
    plan = make_plan(request)
    given = {*plan.preset.values, "batch_size", "epochs"}
    assert checked == Counter(given)
    assert len(given) <= len(fields_of(spec.params))
    assert (len(tables), len(devices)) == (1, 1)
    assert plan.params.as_dict()["batch_size"] == 8


def test_the_values_of_a_head_are_checked_once(checked) -> None:
    make_plan(Request("f-clswgan", "synthetic", head="zlap", device="cpu"))
    checked.clear()
    plan = make_plan(Request("f-clswgan", "synthetic", head="zlap", device="cpu"))
    assert plan.head is not None
    assert checked == Counter(list(plan.preset.values)) + Counter(list(plan.head.preset.values))


def test_a_leaderboard_checks_a_preset_once_for_all_records(checked) -> None:
    spec = plugins().method("ce-gzsl")
    found = entry.preset_values(spec, "CUB", "att")
    checked.clear()
    assert entry.preset_values(spec, "CUB", "att") == found
    assert not checked
    preset = presets.preset(spec, "CUB", "att")
    assert found == build(spec.params, preset.values, preset.places).as_dict()
