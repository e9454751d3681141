"""Predictions, stored so that the numbers of a record can be computed again."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.numpy_files import read_npz
from gzslbench.errors import StoreError
from gzslbench.files import write_atomically

_DTYPES: dict[str, Any] = {
    "labels": np.int64,
    "best_seen": np.int64,
    "best_unseen": np.int64,
    "gap": np.float32,  # or float64
    "zsl": np.int64,
    "seen": np.bool_,
}

UNKNOWN_CLASS = -1
"""Stands for a class that predicted labels alone do not tell."""

MAX_FILE_BYTES = 2**28
"""The most that the predictions of a run, or another file of an archive of runs, may unpack to."""


@dataclass(frozen=True)
class Predictions:
    """What recomputing every metric needs of each test row; classes are positions among the candidates.

    The rows are those of test_seen, then those of test_unseen.

    Attributes:
        labels: ``(n,)`` true class.
        best_seen: ``(n,)`` the seen class of highest score.
        best_unseen: ``(n,)`` the unseen class of highest score.
        gap: ``(n,)`` float32 or float64, highest seen minus highest unseen score; the prediction is
            ``best_seen`` where it is positive or zero, else ``best_unseen``.
        zsl: ``(n_u,)`` the class predicted for each test_unseen row with unseen candidates only.
        seen: ``(K,)`` bool, which candidates are seen.

    Where only predicted labels are known, each gap is infinite, and -1 stands for a class that is not known.
    """

    labels: NDArray[np.int64]
    best_seen: NDArray[np.int64]
    best_unseen: NDArray[np.int64]
    gap: NDArray[np.floating[Any]]
    zsl: NDArray[np.int64]
    seen: NDArray[np.bool_]

    def __repr__(self) -> str:
        """Return how many rows and classes there are; the arrays would fill pages."""
        return f"<Predictions: {len(self.labels)} rows, {len(self.seen)} classes>"

    @property
    def has_scores(self) -> bool:
        """Whether the gaps are known; otherwise only the predicted labels are."""
        return bool(np.isfinite(self.gap).all())

    @property
    def predicted(self) -> NDArray[np.int64]:
        """``(n,)`` class predicted with all classes as candidates."""
        return np.where(self.gap >= 0, self.best_seen, self.best_unseen)


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write ``predictions`` as a compressed .npz, atomically; equal predictions give equal bytes.

    Raises:
        StoreError: The folder is read-only, full or gone.
    """
    content = io.BytesIO()
    arrays = {name: np.asarray(getattr(predictions, name), dtype) for name, dtype in _DTYPES.items()}
    if predictions.gap.dtype == np.float64:
        arrays["gap"] = predictions.gap
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


def fingerprint(predictions: Predictions) -> str:
    """Return the sha256 of the arrays: for each its name, type and length, and its little-endian bytes."""
    digest = hashlib.sha256()
    for name in _DTYPES:
        array = getattr(predictions, name)
        array = array.astype(array.dtype.newbyteorder("<"))
        digest.update(f"{name}:{array.dtype.str};{len(array)};".encode() + array.tobytes())
    return digest.hexdigest()


def load_predictions(path: Path) -> Predictions:
    """Read what ``save_predictions`` wrote.

    Raises:
        StoreError: The file is missing or damaged, or its arrays contradict each other.
    """
    try:
        arrays = read_npz(path, MAX_FILE_BYTES, _DTYPES)
    except FileNotFoundError:
        raise _damaged("there are no predictions", path) from None
    except (OSError, ValueError) as error:
        raise _damaged(f"the predictions cannot be read ({error})", path) from error
    for name, dtype in _DTYPES.items():
        if name not in arrays:
            raise _damaged(f"the predictions have no {name}", path)
        dtypes = (np.float32, np.float64) if name == "gap" else (dtype,)
        if arrays[name].dtype not in dtypes or arrays[name].ndim != 1:
            raise _damaged(f"{name} is not a vector of {np.dtype(dtype)}", path)
    p = Predictions(**arrays)
    n, seen = len(p.labels), p.seen
    if not len(p.best_seen) == len(p.best_unseen) == len(p.gap) == n:
        raise _damaged("labels, best_seen, best_unseen and gap differ in length", path)
    if not (p.has_scores or np.isinf(p.gap).all()):
        raise _damaged("gap holds NaN or infinite values", path)
    for name in ("labels", "best_seen", "best_unseen", "zsl"):
        classes, lowest = arrays[name], 0 if p.has_scores or name == "labels" else UNKNOWN_CLASS
        if len(classes) and not lowest <= classes.min() <= classes.max() < len(seen):
            raise _damaged(f"{name} holds a class outside {lowest}..{len(seen) - 1}", path)
    if (p.predicted < 0).any():
        raise _damaged("the predicted class of a row is not known", path)
    best_seen, best_unseen, zsl = (known[known >= 0] for known in (p.best_seen, p.best_unseen, p.zsl))
    if not (seen[best_seen].all() and not seen[best_unseen].any() and not seen[zsl].any()):
        raise _damaged("best_seen, best_unseen or zsl holds a class of the other side", path)
    tested_seen = n - len(p.zsl)
    if tested_seen < 0 or not seen[p.labels[:tested_seen]].all() or seen[p.labels[tested_seen:]].any():
        raise _damaged("the rows are not those of test_seen, then those of test_unseen", path)
    return p


def _damaged(what: str, path: Path) -> StoreError:
    return StoreError(what, where=path, fix="run the cell again with --rerun")
