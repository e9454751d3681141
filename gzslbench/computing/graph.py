"""CUDA graphs: calls that are run a few times, then captured as graphs, then replayed.

What a capture must observe, found in torch's sources and issue threads for 2.9 to 2.14:

- A generator that is not torch's own must be registered before the capture; replays then continue its
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
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch

from gzslbench.computing.instrumentation import span

WARM_UP = 3
"""Runs of a call before it is captured: what is set up, compiled or allocated lazily, happens in them."""
_STREAMS = 32  # torch has this many streams a device, and then hands out the same ones again
_created: set[torch.cuda.Stream] = set()
_idle: dict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)
_failed: list[torch.cuda.CUDAGraph] = []  # torch's allocator may still refer to them


class CaptureError(Exception):
    """A call cannot be captured; nothing has changed."""


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
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # newer versions of torch deprecate the call
                    for generator in self.generators:
                        graph.register_generator_state(generator)
                self._record(graph, call)
            except RuntimeError as error:
                _failed.append(graph)
                # Give each generator a state without the failed capture, at the same place of its stream.
                for generator in (torch.cuda.default_generators[self.device.index], *self.generators):
                    generator.graphsafe_set_state(generator.clone_state())
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
    for _ in range(_STREAMS + 1):
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        if stream not in _created:
            break
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


class GraphCache:
    """Runs calls by name, and replays those that can be captured.

    A replay repeats what the call launched when it was captured, on the same memory. So a call must read
    and write tensors that stay where they are, take random numbers from the generators of the capture, and
    do the same each time.
    """

    def __init__(self, capture: CudaCapture) -> None:
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
    warnings.warn(f"{name!r} continues without a CUDA graph: {reason}", RuntimeWarning, stacklevel=2)
