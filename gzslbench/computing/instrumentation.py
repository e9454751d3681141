"""What can be observed of a running program: named spans for a profiler, and the backends it chose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch.profiler import record_function

PREFIX = "gzslbench/"
_NO_SPAN = nullcontext()
_spans_are_recorded = False
_open_logs: list[dict[str, str]] = []


def span(name: str) -> AbstractContextManager[object]:
    """Name what runs inside in a profiler's trace; it costs almost nothing without a profiler.

    Do not use it inside a function that is compiled or captured, where it would run only once.
    """
    return record_function(PREFIX + name) if _spans_are_recorded else _NO_SPAN


@contextmanager
def spans_recorded() -> Iterator[None]:
    """Pass the spans entered inside to torch's profiler; otherwise they are skipped, to save time."""
    global _spans_are_recorded
    before, _spans_are_recorded = _spans_are_recorded, True
    try:
        yield
    finally:
        _spans_are_recorded = before


def record_backend(what: str, how: str) -> None:
    """Note in every open log that the operation ``what`` uses the implementation ``how`` from now on.

    For operations with several implementations, which differ in rounding or time.
    """
    for log in _open_logs:
        log[what] = how


@contextmanager
def collect_backends() -> Iterator[dict[str, str]]:
    """Collect what ``record_backend`` notes inside, for the record of a run; the last note stays."""
    log: dict[str, str] = {}
    _open_logs.append(log)
    try:
        yield log
    finally:
        _open_logs[:] = [other for other in _open_logs if other is not log]
