"""CUDA graphs: launches recorded once and replayed as one.

What a capture must observe, found in torch's sources and issue threads for 2.9 to 2.14:

- A generator that is not torch's own must be registered before the capture; replays then go on with its
  stream where eager work left it. From 2.14 on torch registers it itself and deprecates the call.
- The calls before the capture must run on the stream that captures, so that what is set up lazily (cuBLAS,
  autograd's accumulators) belongs to it.
- Destroying a graph frees the cuBLAS workspaces of its stream (since 2.12, pytorch issue 193402). So graphs
  that do not die together must not share a stream.
- A capture that fails leaves generators in a state in which they refuse to draw (until 2.12).
"""

from __future__ import annotations

import gc
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch

from gzslbench.computing.graph_cache import CaptureError

_STREAMS = 32  # torch has this many streams a device, and then hands out the same ones again
_created: set[torch.cuda.Stream] = set()
_idle: dict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)
_failed: list[torch.cuda.CUDAGraph] = []  # torch's allocator may still refer to them


class CudaCapture:
    """Captures graphs on one device, on a side stream of its own.

    The graphs share one pool of memory, so a replay of one may overwrite what another left there. They
    should be destroyed together.
    """

    def __init__(
        self, device: torch.device, generators: Sequence[torch.Generator] = (), *, trim: bool = False
    ) -> None:
        """Take a stream that no live capture uses.

        Args:
            device: A CUDA device.
            generators: Generators that captured calls draw from, apart from torch's own.
            trim: Whether to give cached memory back before each capture, which cannot use it.
        """
        index = torch.cuda.current_device() if device.index is None else device.index
        self.device = torch.device("cuda", index)
        self.generators = tuple(generators)
        self.trim = trim
        self.stream = _free_stream(self.device)
        weakref.finalize(self, _idle[self.device].append, self.stream).atexit = False
        self._graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()

    def warm_up(self, call: Callable[[], None]) -> str | None:
        """Run ``call`` where it may be captured later; return why it cannot be, if this run shows that."""
        with self._on_side_stream(), _host_waits() as waits:
            call()
        return waits[0] if waits else None

    def capture(self, call: Callable[[], None]) -> Callable[[], None]:
        """Return a replay of the launches of ``call``, without running them.

        Raises:
            CaptureError: ``call`` does something that cannot be captured; nothing changed on the device.
        """
        if self.trim:
            torch.cuda.synchronize(self.device)
            torch.cuda.empty_cache()
        with self._on_side_stream(), _no_garbage_collection():
            graph = torch.cuda.CUDAGraph()
            try:
                self._register(graph)
                self._record(graph, call)
            except RuntimeError as error:
                _failed.append(graph)
                self._repair_generators()
                raise CaptureError(str(error).partition("\n")[0]) from error
        self._graphs.add(graph)
        return graph.replay

    def _record(self, graph: torch.cuda.CUDAGraph, call: Callable[[], None]) -> None:
        alive = next(iter(self._graphs), None)  # a pool dies with its last graph
        graph.capture_begin(*(() if alive is None else (alive.pool(),)))
        try:
            call()
        except BaseException:
            with suppress(RuntimeError):  # this error says only that the capture failed
                graph.capture_end()
            raise
        graph.capture_end()

    def _register(self, graph: torch.cuda.CUDAGraph) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for generator in self.generators:
                graph.register_generator_state(generator)

    def _repair_generators(self) -> None:
        """Give each generator a state without the failed capture, at the same position of its stream."""
        for generator in (torch.cuda.default_generators[self.device.index], *self.generators):
            generator.graphsafe_set_state(generator.clone_state())

    @contextmanager
    def _on_side_stream(self) -> Iterator[None]:
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        try:
            with torch.cuda.stream(self.stream):
                yield
        finally:
            current.wait_stream(self.stream)


def capture_on(
    device: torch.device, generators: Sequence[torch.Generator] = (), *, trim: bool = False
) -> CudaCapture | None:
    """Return a ``CudaCapture`` with these arguments, or None if ``device`` is not a CUDA device."""
    return CudaCapture(device, generators, trim=trim) if device.type == "cuda" else None


def _free_stream(device: torch.device) -> torch.cuda.Stream:
    """Return a stream that no live capture uses."""
    if _idle[device]:
        return _idle[device].pop()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    for _ in range(_STREAMS):
        if stream not in _created:
            break
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    _created.add(stream)
    return stream


@contextmanager
def _host_waits() -> Iterator[list[str]]:
    """Yield a list that is filled, at the end, with the places where the host waited for the device."""
    waits: list[str] = []
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that the mode is a prototype
        torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield waits
    finally:
        torch.cuda.set_sync_debug_mode(before)
    for warning in caught:
        if "synchronizing CUDA operation" in str(warning.message):
            waits.append(f"the host waits for the device at {warning.filename}:{warning.lineno}")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python's garbage collector from destroying another graph in the middle of a capture."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
