"""Calls that are run a few times, then captured as graphs, then replayed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Protocol

from gzslbench.computing.instrumentation import span

WARM_UP = 3
"""Runs of a call before it is captured: what is set up, compiled or allocated lazily, happens in them."""


class CaptureError(Exception):
    """A call cannot be captured; nothing has changed."""


class Capture(Protocol):
    """How calls are captured; ``gzslbench.computing.graph`` has the implementation for CUDA."""

    def warm_up(self, call: Callable[[], None]) -> str | None:
        """Run ``call`` where it may be captured later; return why it cannot be, if this run shows that."""
        ...

    def capture(self, call: Callable[[], None]) -> Callable[[], None]:
        """Return a replay of ``call``, without running it.

        Raises:
            CaptureError: ``call`` cannot be captured.
        """
        ...


class GraphCache:
    """Runs calls by name; each becomes a replay, or runs as it is where it cannot be captured.

    A replay repeats what the call launched when it was captured, on the same memory. So a call must read
    and write tensors that stay where they are, take random numbers from the generators of the capture, and
    do the same each time.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._runs: Counter[Hashable] = Counter()
        self._replays: dict[Hashable, Callable[[], None]] = {}
        self._uncapturable: set[Hashable] = set()
        self._broken = False

    def __call__(
        self,
        name: str,
        call: Callable[[], None],
        variant: Hashable = None,
        before_capture: Callable[[], None] = lambda: None,
    ) -> None:
        """Run ``call`` once: to warm it up, as a fresh capture, or as a replay.

        Args:
            name: Name of the call, in a trace and in a warning that it cannot be captured.
            call: Takes and returns nothing.
            variant: Tells calls of one name apart.
            before_capture: Run once, right before the call is captured.
        """
        key = (name, variant)
        if (replay := self._replays.get(key)) is not None:
            with span(name):
                replay()
        elif self._broken or key in self._uncapturable:
            call()
        elif self._runs[key] < WARM_UP:
            self._warm_up(key, call)
        else:
            before_capture()
            self._capture(key, call)

    def forget(self) -> None:
        """Drop the replays, because tensors have moved; calls are warmed up and captured again."""
        self._replays.clear()
        self._runs.clear()

    def _warm_up(self, key: tuple[str, Hashable], call: Callable[[], None]) -> None:
        reason = self.capture.warm_up(call)
        self._runs[key] += 1
        if reason is not None and self._runs[key] == WARM_UP:  # the first runs still set things up
            self._uncapturable.add(key)
            _warn(key[0], reason)

    def _capture(self, key: tuple[str, Hashable], call: Callable[[], None]) -> None:
        try:
            self._replays[key] = self.capture.capture(call)
        except CaptureError as error:
            # A failed capture gives the generators new states, which the other replays do not know.
            self._broken = True
            self._replays.clear()
            _warn(key[0], str(error))
            call()
        else:
            self._replays[key]()


def _warn(name: str, reason: str) -> None:
    warnings.warn(f"{name!r} goes on without a CUDA graph: {reason}", RuntimeWarning, stacklevel=2)
