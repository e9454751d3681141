"""Executors: where the jobs of a sweep run. Two come with gzslbench, for this machine and for Ray."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from types import FrameType

from gzslbench.plugins.executor import Executor, ExecutorSpec, Limits
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugins


@hookimpl
def gzslbench_executors() -> Iterable[ExecutorSpec]:
    """List this machine and Ray."""
    local = "gzslbench.sweeps.executors.local:LocalExecutor"
    ray = "gzslbench.sweeps.executors.ray_executor:RayExecutor"
    return [
        ExecutorSpec("local", "processes on this machine, one for each job", local),
        ExecutorSpec("ray", "a Ray cluster, or this machine as one", ray),
    ]


def make_executor(name: str, limits: Limits) -> Executor:
    """Create the executor of this name; it starts nothing yet.

    Raises:
        ExecutorError: It cannot work here, or what it needs is not installed.
        PluginError: There is no such executor.
    """
    executor: Executor = resolve_name(plugins().executor(name).load)(limits)
    return executor


@contextmanager
def stop_on_signals(executor: Executor, on_stop: Callable[[], object]) -> Iterator[None]:
    """Stop the executor and call ``on_stop`` at the first Ctrl-C or SIGTERM; kill its jobs at the second.

    Only the main thread receives signals. In another thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            executor.kill()
            return
        stopped = True
        executor.stop()
        on_stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
