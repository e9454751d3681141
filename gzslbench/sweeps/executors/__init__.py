"""Executors: where the jobs of a sweep run. Two come with gzslbench, for this machine and for Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from types import FrameType

import msgspec

from gzslbench.errors import GzslBenchError
from gzslbench.plugins.executor import Ended, Event, Executor, ExecutorSpec, Failure, Job, Limits
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import load_object, plugin_code, plugins
from gzslbench.training.interruption import catch_signals


@hookimpl
def gzslbench_executors() -> Iterable[ExecutorSpec]:
    """List this machine and Ray."""
    local = "gzslbench.sweeps.executors.local:LocalExecutor"
    ray = "gzslbench.sweeps.executors.ray_executor:RayExecutor"
    return [
        ExecutorSpec("local", "processes on this machine, one for each job", local),
        ExecutorSpec("ray", "a Ray cluster, or this machine as one", ray),
    ]


class PluginExecutor:
    """The executor of this name: what breaks its contract is a PluginError, and a job that it loses fails."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.lost, self.stopping = Failure("died", f"the executor {name} lost it"), False
        advice = {"where": plugins().executor(name).load, "fix": "correct it, or choose another --executor"}
        ours = (GzslBenchError, OSError) if name == "local" else (GzslBenchError,)
        self.guarded = partial(plugin_code, f"the executor {name!r} failed: ", *ours, **advice)
        with self.guarded():
            self.executor: Executor = load_object(advice["where"], name, ("limits",))(limits)
            self.kill = self.executor.kill

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run all jobs; see ``Executor.run``."""
        left, events = dict.fromkeys(job.id for job in jobs), None
        while True:
            with self.guarded():
                events = iter(self.executor.run(jobs)) if events is None else events
                if (event := next(events, None)) is None:
                    break
                msgspec.convert(asdict(event), type(event))
                if event.job not in left:
                    raise ValueError(f"no job {event.job} runs")
                if isinstance(event, Ended):
                    del left[event.job]
            yield event
        for job in () if self.stopping else left:
            yield Ended(job, 0.0, failure=self.lost)

    def stop(self) -> None:
        """Start no more jobs; see ``Executor.stop``."""
        self.stopping = True
        self.executor.stop()


@contextmanager
def stop_on_signals(executor: Executor, on_stop: Callable[[], object]) -> Iterator[None]:
    """Stop the executor and call ``on_stop`` at the first signal of ``SIGNALS``; kill its jobs at the second.

    Only the main thread receives signals. In another thread nothing changes.
    """
    stopped = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            executor.kill()
            return
        stopped = True
        executor.stop()
        with suppress(OSError):  # the terminal may be closed
            on_stop()

    with catch_signals(handle):
        yield
