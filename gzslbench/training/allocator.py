"""How the process asks the system for memory on a CPU."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of glibc


def keep_freed_memory() -> bool:
    """Let the process keep what it frees for its next allocation; whether the C library can.

    glibc takes each block of some megabytes from the system and gives it back when it is freed, so every
    step's gradients and activations are mapped and zeroed page by page again, a tenth of CE-GZSL's time. The
    process then stays as large as it once was. Elsewhere than on glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
