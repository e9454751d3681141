"""Memory: work in chunks that shrink when it runs out, errors that explain a shortage, and CPU allocation."""

from __future__ import annotations

import ctypes
import logging
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import record_backend
from gzslbench.errors import DeviceError

_log = logging.getLogger(__name__)
T = TypeVar("T")
# torch raises a plain RuntimeError with these texts where it does not raise OutOfMemoryError.
_SHORTAGE_TEXTS = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h of glibc
_DEFAULT_MMAP_MAX = 65536  # blocks; glibc's default
_DEFAULT_MMAP_THRESHOLD = 32 << 20  # bytes; what glibc itself raises it to where large blocks come and go
_nesting = 0


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` says that memory ran out, on any device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _SHORTAGE_TEXTS)
    )


class Chunk:
    """How much is worked on at once; it is halved each time memory runs out.

    Attributes:
        size: In the unit of the work, for example rows.
    """

    def __init__(self, size: int, name: str = "chunk") -> None:
        self.size = size
        self.name = name
        self._shrunk = False

    def with_oom_backoff(self, work: Callable[[int], T], least: int = 1) -> T:
        """Run ``work`` at the current size, and again at half of it each time memory runs out.

        Args:
            work: Takes the size.
            least: The size below which a smaller one would change nothing.

        Raises:
            RuntimeError: Memory runs out even at the least size.
        """
        while True:
            if self._shrunk:
                record_backend(self.name, f"{self.size}, because memory ran out")
            try:
                return work(self.size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self.size <= least:
                    raise
            # Outside of the handler: the error's traceback keeps the tensors of the failed work alive.
            self._shrink(least)

    def map_chunks(self, rows: Tensor, work: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        """Yield ``work`` of one part of ``rows`` after another, each of at most ``size`` rows."""
        start = 0

        def work_at_start(size: int) -> Tensor:
            return work(rows[start : start + size])

        while start < len(rows):
            result = self.with_oom_backoff(work_at_start)
            start += self.size
            yield result

    def _shrink(self, least: int) -> None:
        self.size = max(least, self.size // 2)
        _log.warning("memory ran out: %s is %d from now on", self.name, self.size)
        self._shrunk = True
        if torch.cuda.is_available() and not torch.cuda.is_current_stream_capturing():
            torch.cuda.empty_cache()


@contextmanager
def memory_of_a_run(device: torch.device | str) -> Iterator[None]:
    """Keep the memory that a run on a CPU frees inside, and explain a shortage."""
    on_cpu = torch.device(device).type == "cpu"
    with freed_memory_kept() if on_cpu else nullcontext(), explained_shortage():
        yield


@contextmanager
def explained_shortage() -> Iterator[None]:
    """Turn an allocation that failed inside into an error that names what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "lower --set batch_size=…, syn_num=… or the widths (see `gzslbench methods NAME`)"
        raise DeviceError(f"memory ran out: {what}", where="training or evaluation", fix=fix) from error


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Let the process keep the memory it frees inside; yields whether the C library supports it.

    glibc takes each large block from the system and returns it when it is freed. So the gradients and
    activations of every step are mapped and zeroed again, which takes a tenth of CE-GZSL's time. At the end
    of the outermost use all free memory is returned. Other C libraries are not changed.
    """
    global _nesting
    libc = _glibc()
    if libc is None:
        yield False
        return
    kept = bool(libc.mallopt(_M_MMAP_MAX, 0)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, -1))
    _nesting += 1
    try:
        yield kept
    finally:
        _nesting -= 1
        if _nesting == 0:
            libc.mallopt(_M_MMAP_MAX, _DEFAULT_MMAP_MAX)
            libc.mallopt(_M_MMAP_THRESHOLD, _DEFAULT_MMAP_THRESHOLD)
            libc.mallopt(_M_TRIM_THRESHOLD, 2 * _DEFAULT_MMAP_THRESHOLD)
            libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library, if it is glibc."""
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (AttributeError, OSError, TypeError):
        return None


def reset_peak_memory(device: torch.device) -> None:
    """Reset ``peak_memory`` of a CUDA device; that of a process on a CPU cannot be reset."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # without it there is nothing to reset
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that tensors took on CUDA since the reset, or that the process took on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
