from __future__ import annotations

import torch
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.span import PREFIX, span, spans_recorded


def names(profiler):
    return {each.key for each in profiler.key_averages() if each.key.startswith(PREFIX)}


def test_spans_reach_the_profiler_only_where_they_are_recorded() -> None:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        with span("before"):
            torch.ones(1)
        with spans_recorded(), span("inside"):
            torch.ones(1)
        with span("after"):
            torch.ones(1)
    assert names(profiler) == {PREFIX + "inside"}


def test_a_span_that_nobody_records_makes_nothing(monkeypatch) -> None:
    def refuse(name):
        raise AssertionError(name)

    monkeypatch.setattr("gzslbench.computing.span.record_function", refuse)
    with span("one"), span("two"):
        assert span("one") is span("two")
