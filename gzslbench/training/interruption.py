"""Ctrl-C, termination and a closed terminal: a request to finish the iteration, save, and stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Records whether the user wants the run to stop."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        """Return whether a stop is requested."""
        return self.requested

    def handle(self, signum: int, _frame: FrameType | None) -> None:
        """Request a stop at the next iteration; at the second signal, stop now."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def catch_interruption() -> Iterator[Interruption]:
    """Handle SIGINT, SIGTERM and SIGHUP inside, if this is the main thread."""
    interruption = Interruption()
    with catch_signals(interruption.handle):
        yield interruption


@contextmanager
def catch_signals(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call ``handle`` for each of ``SIGNALS`` inside; only the main thread receives signals."""
    known = SIGNALS if threading.current_thread() is threading.main_thread() else ()
    heard = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, handle) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
