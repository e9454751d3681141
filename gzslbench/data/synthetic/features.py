"""Features that look like a network's and follow from the semantics, for folders without real ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 4096
_FACTORS = 16
_SPREAD = 1.0
_NOISE = 0.3
_THRESHOLD = 0.5


def make_features(
    semantics: NDArray[np.float32], labels: NDArray[np.int64], dim: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Non-negative, sparse ``(N, dim)`` float32 features of rows with these ``(N,)`` labels.

    A class lies at its semantics' leading principal components. Its images scatter around that place in
    the same few directions, which is what makes classes hard to tell apart in a high dimension; a random
    linear map, a little noise and a rectifier make features of them. Rows are drawn a chunk at a time, so
    that nothing but the result grows with N.

    Args:
        semantics: ``(C, a)``.
        labels: From 0 to C-1.
        dim: d.
        rng: Where every random number comes from.
    """
    places = _places(semantics)
    factors = places.shape[1]
    weights = rng.standard_normal((factors, dim), dtype=np.float32) / np.float32(np.sqrt(factors))
    features = np.empty((len(labels), dim), dtype=np.float32)
    for start in range(0, len(labels), _CHUNK):
        of_chunk = labels[start : start + _CHUNK]
        scatter = rng.standard_normal((len(of_chunk), factors), dtype=np.float32)
        chunk = (places[of_chunk] + _SPREAD * scatter) @ weights
        chunk += _NOISE * rng.standard_normal(chunk.shape, dtype=np.float32)
        np.maximum(chunk - _THRESHOLD, 0, out=features[start : start + _CHUNK])
    return features


def _places(semantics: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(C, k)`` principal components of the standardized semantics, of variance 1 on average."""
    centred = semantics - semantics.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    left, values, _ = np.linalg.svd(centred / np.where(spread > 0, spread, 1), full_matrices=False)
    places = (left * values)[:, :_FACTORS]
    scale = np.sqrt(np.square(places).mean())
    placed: NDArray[np.float32] = (places / (scale if scale > 0 else 1)).astype(np.float32)
    return placed
