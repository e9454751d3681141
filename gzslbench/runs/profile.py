"""Tracing a window of a run with torch's profiler: some iterations, and the evaluation after them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.instrumentation import span, spans_recorded
from gzslbench.errors import StoreError
from gzslbench.files import write_atomically, writing

if TYPE_CHECKING:
    from gzslbench.runs.folder import RunFolder
    from gzslbench.training.trainer import Trainer

RECORDED = 20
SKIPPED = 5  # the first iterations allocate, compile and capture
TRACE = "trace.json"
LARGEST_PLAIN = 4 << 20  # bytes
COMPRESSION = 4  # six times as fast as 9, for a tenth more bytes


class Profile:
    """Records the last iterations before a run's first evaluation, and that evaluation.

    Outside of this window no profiler is active. Use it as a context around the run: a window that is
    unfinished at its end, because the run was stopped, failed or diverged, leaves nothing.

    Attributes:
        trace: The file in Chrome's trace format, once it is written.
        used: Whether there was a run around; there is none where the record was there before.
    """

    def __init__(
        self, device: torch.device | str, *, iterations: int = RECORDED, skipped: int = SKIPPED
    ) -> None:
        """At most ``iterations`` are recorded, and where there are more, none of the first ``skipped``."""
        self.device = torch.device(device)
        self.iterations = iterations
        self.skipped = skipped
        self.trace: Path | None = None
        self.used = False
        self._length: int | None = None
        self._recorder: Recorder | None = None

    def __enter__(self) -> Profile:
        """Load what the profiler needs now, lest the run's clocks count it."""
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else each start and stop is a line on stderr
        if self.device.type == "cuda":  # CUPTI taken down and brought up again breaks captured graphs
            os.environ.setdefault("TEARDOWN_CUPTI", "0")
        Recorder(self.device).stop()
        self.used = True
        return self

    def __exit__(self, *_: object) -> None:
        """Drop a window that is unfinished."""
        if self._recorder is not None:
            self._recorder.stop()

    def between_iterations(
        self, trainer: Trainer, eval_every: int, stop: Callable[[], bool]
    ) -> Callable[[], bool]:
        """``stop`` as ``trainer`` asks it before each iteration, moving the window along."""

        def asked() -> bool:
            if stop():
                return True
            if self.trace is None:
                left = iterations_left(trainer, eval_every)
                if left is not None:
                    self._before_iteration(left)
            return False

        return asked

    @contextmanager
    def evaluation(self, folder: RunFolder) -> Iterator[None]:
        """An evaluation happens inside; the first one ends the window and leaves the trace in ``folder``.

        Raises:
            StoreError: The trace cannot be written.
        """
        if self.trace is not None:
            yield
            return
        recorder = self._ready()
        recorder.begin("evaluation")
        yield
        self._recorder = None
        recorder.stop()
        self.trace = recorder.write(folder.path)

    def _before_iteration(self, left: int) -> None:
        if self._length is None:
            self._length = min(self.iterations, max(left - self.skipped, 1))
        if left <= self._length:
            self._ready().begin("iteration")
        elif left == self._length + 1:
            self._ready()

    def _ready(self) -> Recorder:
        self._recorder = self._recorder or Recorder(self.device)
        return self._recorder


class Recorder:
    """One use of torch's profiler: ready once made, recording from the first ``begin`` to ``stop``."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        activities = [ProfilerActivity.CPU]
        if device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self._profiler = profile(activities=activities)
        self._profiler.prepare_trace()
        self._spans = ExitStack()
        self._part = ExitStack()
        self._recording = False

    def begin(self, part: str) -> None:
        """End the part of the window under way, and begin ``part``."""
        self._part.close()
        if not self._recording:
            self._start()
        self._part.enter_context(span(part))

    def stop(self) -> None:
        """End the last part, and the recording."""
        if not self._recording:
            self._start()
        self._synchronize()
        self._part.close()
        self._spans.close()
        self._profiler.stop_trace()
        self._recording = False

    def write(self, folder: Path) -> Path:
        """Write what was recorded into ``folder``, compressed if large, and remove an older trace.

        Raises:
            StoreError: The folder is read-only, full or gone; an older trace is still there.
        """
        content = self._exported(folder / f".{os.getpid()}.{TRACE}")
        plain, packed = folder / TRACE, folder / f"{TRACE}.gz"
        if len(content) <= LARGEST_PLAIN:
            path, other = plain, packed
        else:
            path, other, content = packed, plain, gzip.compress(content, COMPRESSION)
        write_atomically(path, content)
        with writing(other, "an older trace cannot be removed"):
            other.unlink(missing_ok=True)
        return path

    def _exported(self, scratch: Path) -> bytes:
        """The trace by way of ``scratch``; where there is no room, the profiler leaves none, or a part."""
        content = b""
        with writing(scratch.parent, "the trace cannot be written"):
            try:
                self._profiler.export_chrome_trace(str(scratch))
                if scratch.exists():
                    content = scratch.read_bytes()
            finally:
                for file in scratch.parent.glob(f"{scratch.name}*"):
                    file.unlink()
        try:
            json.loads(content, object_pairs_hook=lambda _: None)  # read through, and nothing of it held
        except ValueError as error:
            raise StoreError(
                "the trace cannot be written: there is no room for it",
                where=scratch.parent,
                fix="free some space, then go on with --resume",
            ) from error
        return content

    def _start(self) -> None:
        self._synchronize()
        self._profiler.start_trace()
        self._spans.enter_context(spans_recorded())
        self._recording = True

    def _synchronize(self) -> None:
        """No work of the device lies across an edge of the window."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def iterations_left(trainer: Trainer, eval_every: int) -> int | None:
    """Iterations until the next evaluation; None in a stage before the last, whose epochs have none."""
    run = trainer.current
    if run is None or trainer.stage_index < len(trainer.stages) - 1:
        return None
    due = run.stage.epochs
    if eval_every:
        due = min(due, (run.epoch // eval_every + 1) * eval_every)
    return (due - run.epoch) * run.iterations - run.iteration
