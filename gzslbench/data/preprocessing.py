"""Scale features; the scaling is always fitted on the seen training rows only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import ParamError, did_you_mean

Features = NDArray[np.float32]
Transform = Callable[[NDArray[Any]], Features]

_CHUNK = 4096


def fit_preprocessing(name: str, features: NDArray[Any]) -> Transform:
    """Return the scaling ``name`` with its constants taken from ``features``.

    ``minmax`` maps each column of ``features`` onto [0, 1]; other rows are not clipped and may leave that
    range. The f-CLSWGAN family does the same: MinMaxScaler fitted on trainval, then a division by the
    largest scaled value, which is 1. ``none`` changes nothing, ``l2`` gives each row unit length (a row of
    zeros stays), ``standardize`` gives each column mean 0 and standard deviation 1. A column that is
    constant in ``features`` is shifted to 0 and not scaled, as scikit-learn does.

    Args:
        name: One of ``PREPROCESSINGS``.
        features: ``(n, d)`` features of the seen training rows, n > 0.

    Returns:
        A function from ``(m, d)`` features to float32 ones; it leaves its argument unchanged, and ``none``
        may return it.
    """
    if name not in _FITS:
        what = f"no preprocessing {name!r}"
        raise ParamError(what, where="preprocessing", fix=did_you_mean(name, list(_FITS)))
    return _FITS[name](features)


def _fit_minmax(features: NDArray[Any]) -> Transform:
    low = features.min(axis=0).astype(np.float32)
    span = features.max(axis=0).astype(np.float32) - low
    # Below this bound scikit-learn's MinMaxScaler treats a column of float64 as constant, as published files
    # have it.
    span[span < 10 * np.finfo(np.float64).eps] = 1

    def transform(rows: NDArray[Any]) -> Features:
        scaled: Features = np.subtract(rows, low, dtype=np.float32)
        scaled /= span
        return scaled

    return transform


def _fit_l2(_features: NDArray[Any]) -> Transform:
    def transform(rows: NDArray[Any]) -> Features:
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
        norms[norms == 0] = 1
        scaled: Features = np.divide(rows, norms.astype(np.float32)[:, None], dtype=np.float32)
        return scaled

    return transform


def _fit_standardize(features: NDArray[Any]) -> Transform:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    for start in range(0, len(features), _CHUNK):  # a whole float64 copy would double the memory
        scaler.partial_fit(features[start : start + _CHUNK])
    return lambda rows: scaler.transform(np.asarray(rows, dtype=np.float32))


_FITS: dict[str, Callable[[NDArray[Any]], Transform]] = {
    "minmax": _fit_minmax,
    "none": lambda _features: lambda rows: np.asarray(rows, dtype=np.float32),
    "l2": _fit_l2,
    "standardize": _fit_standardize,
}
PREPROCESSINGS: tuple[str, ...] = tuple(_FITS)
