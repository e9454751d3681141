"""The fingerprint of a dataset's numbers, whatever file they came from."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 4096


def content_hash(features: NDArray[Any], labels: NDArray[Any], semantics: NDArray[Any]) -> str:
    """sha256 of ``(N, d)`` features, ``(N,)`` labels and ``(C, a)`` semantics.

    Each array is hashed as its name, its shape and its rows in order, as little-endian float32 (labels
    int64), a chunk at a time so that a memory map is never held whole.
    """
    digest = hashlib.sha256()
    arrays = {"features": (features, "<f4"), "labels": (labels, "<i8"), "semantics": (semantics, "<f4")}
    for name, (array, dtype) in arrays.items():
        digest.update(f"{name}:{array.shape};".encode())
        for start in range(0, len(array), _CHUNK):
            digest.update(np.ascontiguousarray(array[start : start + _CHUNK], dtype=dtype).tobytes())
    return digest.hexdigest()
