"""How the process asks the system for memory on a CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h of glibc
_MOST_MAPPED = 65536  # glibc's default
_LARGEST_KEPT = 32 << 20  # to which glibc raises it by itself where large blocks come and go
_inside = 0


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Inside, the process keeps what it frees for its next allocation; yields whether the C library can.

    glibc takes each block of many megabytes from the system and gives it back when it is freed, so every
    step's gradients and activations are mapped and zeroed page by page again, a tenth of CE-GZSL's time. At
    the end of the outermost one all that is free is given back. Elsewhere than on glibc nothing changes.
    """
    global _inside
    libc = _c_library()
    if libc is None:
        yield False
        return
    kept = bool(libc.mallopt(_M_MMAP_MAX, 0)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, -1))
    _inside += 1
    try:
        yield kept
    finally:
        _inside -= 1
        if _inside == 0:
            libc.mallopt(_M_MMAP_MAX, _MOST_MAPPED)
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
            libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST_KEPT)
            libc.malloc_trim(0)


def _c_library() -> ctypes.CDLL | None:
    """The C library, if it is glibc."""
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (AttributeError, OSError, TypeError):
        return None
