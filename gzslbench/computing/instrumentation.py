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
    """Give what runs inside the name ``name`` in a profiler's trace; next to free without a profiler.

    Keep it outside of what ``torch.compile`` or a CUDA graph takes over: they run it once.
    """
    return record_function(PREFIX + name) if _spans_are_recorded else _NO_SPAN


@contextmanager
def spans_recorded() -> Iterator[None]:
    """Let the spans entered inside reach torch's profiler; without one each would cost microseconds."""
    global _spans_are_recorded
    before, _spans_are_recorded = _spans_are_recorded, True
    try:
        yield
    finally:
        _spans_are_recorded = before


def record_backend(what: str, how: str) -> None:
    """Note, in every log that is being collected, that ``what`` is computed in the way ``how`` from now on.

    For what can be computed in several ways that round differently, or take different time.
    """
    for log in _open_logs:
        log[what] = how


@contextmanager
def collect_backends() -> Iterator[dict[str, str]]:
    """Collect what ``record_backend`` notes inside, for the record of a run; the last note counts."""
    log: dict[str, str] = {}
    _open_logs.append(log)
    try:
        yield log
    finally:
        _open_logs[:] = [other for other in _open_logs if other is not log]
