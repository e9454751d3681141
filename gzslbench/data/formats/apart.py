"""Read a file in a process of its own, with limits of time and memory.

HDF5 is parsed in C: a damaged file can crash the process, or keep it busy without end, and then even Ctrl-C
does not help. A fork takes milliseconds, and the arrays come back in memory that both processes map.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import struct
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from gzslbench.data.formats.numpy_files import most_unpacked

T = TypeVar("T")
_SECONDS, _BYTES_PER_SECOND = 3, 500_000
"""The processor time of a reading: a part for any file, and a part by its size, for thousands of cells."""


class CrashError(Exception):
    """The process that read a file died, or took too long."""


def read_apart(path: Path, read: Callable[[], T], seconds: int | None = None) -> T:
    """Return what ``read``, which reads the file ``path``, returns; it runs in a forked process.

    It may take so many ``seconds`` of processor time, by default more for a larger file.

    What it needs must be imported before, and it must not start threads or use a GPU. Where the system cannot
    fork, it runs here.

    Raises:
        CrashError: The process died, or took more time.
        Exception: What ``read`` raises.
    """
    if not hasattr(os, "fork"):
        return read()
    size = path.stat().st_size
    with _shared_file() as shared:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads are of no use to the child
            process = os.fork()
        if process == 0:
            with suppress(BaseException):
                # What a parser prints while it crashes says nothing.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                _limit(seconds or _SECONDS + size // _BYTES_PER_SECOND, 2 * most_unpacked(size))
                _write_outcome(shared, read)
                os._exit(0)
            os._exit(1)
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        except BaseException:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise
        if code == -signal.SIGXCPU:
            raise CrashError("it does not end")
        if code:
            raise CrashError(f"the process for it ended with {code}")
        succeeded, value = _read_outcome(shared)
    if succeeded:
        found: T = value  # type: ignore[assignment]
        return found
    assert isinstance(value, BaseException)
    raise value


def _shared_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gzslbench"), "w+b")
    return tempfile.TemporaryFile()


def _limit(seconds: int, memory: int) -> None:
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    hard = seconds + 1 if most == resource.RLIM_INFINITY else min(seconds + 1, most)
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, hard), hard))
    with suppress(OSError, ValueError):  # no /proc: no limit of memory
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = used + memory if most == resource.RLIM_INFINITY else min(used + memory, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _write_outcome(shared: BinaryIO, read: Callable[[], object]) -> None:
    """Write what ``read`` returns or raises: a pickle, after that its arrays as they lie in memory."""
    outcome: tuple[bool, object]
    try:
        outcome = True, read()
    except Exception as error:
        outcome = False, error
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(outcome, protocol=5, buffer_callback=buffers.append)
    pieces = [memoryview(content), *(buffer.raw() for buffer in buffers)]
    shared.write(struct.pack(f"<{1 + len(pieces)}Q", len(pieces), *map(len, pieces)))
    for piece in pieces:
        shared.seek(_aligned(shared.tell()))
        shared.write(piece)
    shared.flush()


def _read_outcome(shared: BinaryIO) -> tuple[bool, object]:
    """Read it; the arrays are not copied, and a write to them changes nothing else."""
    content = memoryview(mmap.mmap(shared.fileno(), 0, access=mmap.ACCESS_COPY))
    (count,) = struct.unpack_from("<Q", content)
    sizes, at, pieces = struct.unpack_from(f"<{count}Q", content, 8), 8 + 8 * count, []
    for size in sizes:
        at = _aligned(at)
        pieces.append(content[at : at + size])
        at += size
    succeeded, value = pickle.loads(pieces[0], buffers=pieces[1:])
    return succeeded, value


def _aligned(offset: int) -> int:
    """Return the next offset at which any array may begin, so that NumPy and torch read it at full speed."""
    return -(-offset // 64) * 64
