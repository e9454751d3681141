"""Calls that are run a few times, then captured, then replayed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Protocol

from gzslbench.computing.span import span

WARM_UP = 3
"""Runs of a call before it is captured: lazy things are set up, compiled and allocated then."""


class CaptureError(Exception):
    """A call cannot be captured; nothing has changed."""


class Capture(Protocol):
    """How calls are captured; ``gzslbench.computing.graph`` has the one for CUDA."""

    def warm_up(self, call: Callable[[], None]) -> str | None:
        """Run ``call`` where it may be captured later; why it cannot be, as far as this run shows."""
        ...

    def capture(self, call: Callable[[], None]) -> Callable[[], None]:
        """What replays ``call``, which this does not run.

        Raises:
            CaptureError: ``call`` cannot be captured.
        """
        ...


class Replays:
    """Runs calls by name; each becomes a replay, or stays as it is where it cannot be captured.

    A replay repeats what the call launched when it was captured, on the same memory. So a call must read
    and write tensors that stay where they are, take random numbers from the generators of the capture, and
    do the same each time.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._runs: Counter[Hashable] = Counter()
        self._replays: dict[Hashable, Callable[[], None]] = {}
        self._plain: set[Hashable] = set()
        self._broken = False

    def __call__(
        self,
        name: str,
        call: Callable[[], None],
        variant: Hashable = None,
        before_capture: Callable[[], None] = lambda: None,
    ) -> None:
        """Run ``call`` once, in whatever way it is its turn.

        Args:
            name: Of the call, in a trace and in a warning that it cannot be captured.
            call: Takes and returns nothing.
            variant: Tells calls of one name apart.
            before_capture: Run once, right before the call is captured.
        """
        key = (name, variant)
        if (replay := self._replays.get(key)) is not None:
            with span(name):
                replay()
        elif self._broken or key in self._plain:
            call()
        elif self._runs[key] < WARM_UP:
            self._warm_up(key, call)
        else:
            before_capture()
            self._capture(key, call)

    def forget(self) -> None:
        """Drop the replays, because tensors have moved; calls are run and captured anew."""
        self._replays.clear()
        self._runs.clear()

    def _warm_up(self, key: tuple[str, Hashable], call: Callable[[], None]) -> None:
        reason = self.capture.warm_up(call)
        self._runs[key] += 1
        if reason is not None and self._runs[key] == WARM_UP:  # before that, things are still set up
            self._plain.add(key)
            _warn(key[0], reason)

    def _capture(self, key: tuple[str, Hashable], call: Callable[[], None]) -> None:
        try:
            self._replays[key] = self.capture.capture(call)
        except CaptureError as error:
            # The generators have new states, of which the other replays know nothing.
            self._broken = True
            self._replays.clear()
            _warn(key[0], str(error))
            call()
        else:
            self._replays[key]()


def _warn(name: str, reason: str) -> None:
    warnings.warn(f"{name!r} goes on without a CUDA graph: {reason}", RuntimeWarning, stacklevel=2)
