"""Tracing a window of a run with torch's profiler: some iterations, and the evaluation after them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.instrumentation import span, spans_recorded
from gzslbench.files import scratch_folder, writing

if TYPE_CHECKING:
    from gzslbench.runs.folder import RunFolder
    from gzslbench.training.trainer import Trainer

MAX_ITERATIONS = 20
SKIPPED = 5  # the first iterations allocate memory, compile and capture
TRACE = "trace.json.gz"


class Profile:
    """Records at most MAX_ITERATIONS iterations before the first evaluation of a run, and that evaluation.

    Outside of this window no profiler is active. Use it as a context around the run. If the run stops, fails
    or diverges inside the window, nothing is written. ``trace`` is then None, else the file that was written,
    in Chrome's format; ``used`` is False if the run was finished before, because then it is not repeated.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self.trace: Path | None = None
        self.averages: Any = None
        self.used = False
        self._length: int | None = None
        self._profiler: profile | None = None
        self._spans = ExitStack()
        self._part = ExitStack()

    def __enter__(self) -> Profile:
        """Load the profiler now, so that the run does not count the time that this takes."""
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # otherwise each start and stop prints to stderr
        if self.device.type == "cuda":  # if CUPTI is shut down and started again, captured graphs break
            os.environ.setdefault("TEARDOWN_CUPTI", "0")
        self._start()
        self._stop()
        self.used = True
        return self

    def __exit__(self, *_: object) -> None:
        """Drop a window that has not ended."""
        self._stop()

    def between_iterations(
        self, trainer: Trainer, eval_every: int, stop: Callable[[], bool]
    ) -> Callable[[], bool]:
        """Return ``stop`` for the trainer to call before each iteration; it also moves the window along."""

        def should_stop() -> bool:
            if stop():
                return True
            left = None if self.trace else iterations_left(trainer, eval_every)
            if left is not None:
                if self._length is None:
                    self._length = min(MAX_ITERATIONS, max(left - SKIPPED, 1))
                if left <= self._length:
                    self._begin("iteration")
            return False

        return should_stop

    @contextmanager
    def evaluation(self, folder: RunFolder) -> Iterator[None]:
        """Run an evaluation inside; the first one ends the window and writes the trace into ``folder``."""
        if self.trace is not None:
            yield
            return
        self._begin("evaluation")
        yield
        profiler = self._stop()
        assert profiler is not None
        self.averages = profiler.key_averages()
        path = folder.path / TRACE
        # The profiler decides by the ending of the name whether it packs the trace.
        with writing(path, "the trace cannot be written"), scratch_folder(path) as scratch:
            profiler.export_chrome_trace(str(scratch / TRACE))
            (scratch / TRACE).replace(path)
        self.trace = path

    def _begin(self, part: str) -> None:
        """End the current part of the window and begin ``part``."""
        self._part.close()
        if self._profiler is None:
            self._start()
        self._part.enter_context(span(part))

    def _start(self) -> None:
        on_cuda = [ProfilerActivity.CUDA] if self.device.type == "cuda" else []
        self._profiler = profile(activities=[ProfilerActivity.CPU, *on_cuda])
        self._profiler.prepare_trace()  # the slow part, before the recording
        self._synchronize()
        self._profiler.start_trace()
        self._spans.enter_context(spans_recorded())

    def _stop(self) -> profile | None:
        """End the recording, if there is one, and return its profiler."""
        profiler, self._profiler = self._profiler, None
        if profiler is not None:
            self._synchronize()
            self._part.close()
            self._spans.close()
            profiler.stop_trace()
        return profiler

    def _synchronize(self) -> None:
        """Wait for the device, so that none of its work crosses an edge of the window."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def iterations_left(trainer: Trainer, eval_every: int) -> int | None:
    """Return the iterations until the next evaluation; None in a stage before the last, which has none."""
    run = trainer.current
    if run is None or trainer.stage_index < len(trainer.stages) - 1:
        return None
    due = run.stage.epochs
    if eval_every:
        due = min(due, (run.epoch // eval_every + 1) * eval_every)
    return (due - run.epoch) * run.iterations - run.iteration
