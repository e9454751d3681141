"""Ctrl-C, termination and a closed terminal: a request to finish the iteration, save, and stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
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
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, interruption.handle) for number in heard}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
