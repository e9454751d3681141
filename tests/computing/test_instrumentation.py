from __future__ import annotations

import torch
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.instrumentation import PREFIX, collect_backends, record_backend, span, spans_recorded


def test_a_log_has_the_last_note_of_those_made_while_it_is_open():
    record_backend("scores", "before")
    with collect_backends() as outer:
        record_backend("scores", "compiled")
        with collect_backends() as inner:
            record_backend("scores", "plain")
        record_backend("rows at once", "7")
    record_backend("scores", "after")
    assert outer == {"scores": "plain", "rows at once": "7"}
    assert inner == {"scores": "plain"}


def test_logs_may_close_in_any_order():
    first, second = collect_backends(), collect_backends()
    one, two = first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    record_backend("scores", "plain")
    second.__exit__(None, None, None)
    assert (one, two) == ({}, {"scores": "plain"})


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

    monkeypatch.setattr("gzslbench.computing.instrumentation.record_function", refuse)
    with span("one"), span("two"):
        assert span("one") is span("two")
