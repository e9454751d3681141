"""The executor of a name, and Ctrl-C on its way to it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from types import FrameType

from gzslbench.plugins.executor import Executor, Limits
from gzslbench.plugins.registry import plugins


def make_executor(name: str, limits: Limits) -> Executor:
    """The executor of this name, which may have nothing begun yet.

    Raises:
        ExecutorError: It cannot work here, or what it needs is not installed.
        PluginError: There is no such executor.
    """
    made: Executor = resolve_name(plugins().executor(name).load)(limits)
    return made


@contextmanager
def stopped_by_signals(executor: Executor, stopping: Callable[[], None]) -> Iterator[None]:
    """Hand Ctrl-C and termination to ``executor``: the first asks and tells ``stopping``, the second kills.

    Outside the main thread, which alone gets signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            executor.kill()
            return
        asked = True
        executor.stop()
        stopping()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
