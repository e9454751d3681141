"""Named spans of time for whoever profiles a run; next to free while nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch.profiler import record_function

PREFIX = "gzslbench/"
_FREE = nullcontext()
_recorded = False


def span(name: str) -> AbstractContextManager[object]:
    """What runs inside is ``name`` in a trace.

    Keep it outside of what ``torch.compile`` or a CUDA graph takes over: they run it once.
    """
    return record_function(PREFIX + name) if _recorded else _FREE


@contextmanager
def spans_recorded() -> Iterator[None]:
    """Spans entered inside reach torch's profiler; without it they would cost microseconds for nobody."""
    global _recorded
    before, _recorded = _recorded, True
    try:
        yield
    finally:
        _recorded = before
