"""Writing a folder of xlsa17's shape with made features, for timing and trials without the archive."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.catalogue import catalogue, known_as
from gzslbench.data.formats.xlsa17 import MARKER, SPLITS
from gzslbench.data.locate import find_folder
from gzslbench.data.synthetic.features import make_features
from gzslbench.data.synthetic.split_template import Blueprint, made_blueprint, real_blueprint, thin
from gzslbench.errors import DataError, ParamError, did_you_mean
from gzslbench.plugins.dataset import DatasetSpec

FEATURES = "res101"


def write_synthetic_folder(
    like: str,
    out: Path,
    *,
    seed: int = 0,
    scale: float = 1.0,
    overwrite: bool = False,
    root: str | Path | None = None,
) -> Path:
    """Write res101.mat, the split files and the class lists of a dataset shaped like ``like`` to ``out``.

    Split, semantics and class lists are copied from the data root where it has them and made otherwise;
    features and image names are always made, and ``SYNTHETIC.txt`` in the folder says so. The files are
    moved into place when all of them are written.

    Args:
        like: AWA1, AWA2, CUB, FLO, SUN or APY, in any case.
        out: A folder that is empty or does not exist; its parent exists.
        seed: Of all random numbers.
        scale: The share of each class's rows to keep, above 0 and at most 1.
        overwrite: Whether a folder that an earlier call wrote may be replaced.
        root: The data root; by default $GZSLBENCH_DATA, else ./data.

    Returns:
        ``out``.

    Raises:
        DataError: ``like`` is unknown, ``out`` holds other files, cannot be written or has no room.
        ParamError: ``scale`` is out of range, or ``seed`` negative.
    """
    spec = known_as(like)
    if spec is None:
        raise DataError(
            f"no known dataset {like!r}", where="--like", fix=did_you_mean(like, list(catalogue()))
        )
    if not 0 < scale <= 1:
        raise ParamError(f"scale is {scale}", where="--scale", fix="choose a share above 0 and at most 1")
    if seed < 0:
        raise ParamError(f"seed is {seed}", where="--seed", fix="choose 0 or more")
    try:
        _check_target(out, overwrite)
        out.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        blueprint, dim = _blueprint(spec, root, rng)
        blueprint = thin(blueprint, scale)
        _check_room(out, rows=len(blueprint.labels), dim=dim)
        features = make_features(blueprint.semantics, blueprint.labels, dim, rng)
        how = f"like {spec.name}, seed {seed}, scale {scale:g}"
        marker = f"Features and image names in this folder are made: {how}.\n"
        _write(out, blueprint, features, marker)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error}", where=out, fix="free some space, or name a folder you may write to"
        ) from error
    return out


def _blueprint(spec: DatasetSpec, root: str | Path | None, rng: np.random.Generator) -> tuple[Blueprint, int]:
    """The blueprint of a dataset, real where the data root has one, and the dimension of its features."""
    expected = spec.expected
    assert expected is not None
    folder = find_folder(spec.name, root)
    is_real = folder is not None and not (folder / MARKER).is_file()
    real = real_blueprint(folder, expected, rng) if folder is not None and is_real else None
    return real or made_blueprint(expected, rng), expected.features[FEATURES]


def _check_target(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DataError("this is a file", where=out, fix="name a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / MARKER).is_file():
        raise DataError(
            "the folder is not empty and its files are not synthetic", where=out, fix="name an empty folder"
        )
    if not overwrite:
        raise DataError(
            "the folder holds a synthetic dataset already",
            where=out,
            fix="pass --overwrite, or name another folder",
        )


def _check_room(out: Path, rows: int, dim: int) -> None:
    # The split files of every known dataset take less than the 16 MiB added here.
    needed = rows * dim * 4 + (16 << 20)
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise DataError(
            f"the dataset takes {needed >> 20} MiB and {free >> 20} MiB are free",
            where=out.parent,
            fix="free some space, name a folder elsewhere, or pass a smaller --scale",
        )


def _write(out: Path, blueprint: Blueprint, features: NDArray[np.float32], marker: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        staged = Path(scratch)
        (staged / MARKER).write_text(marker, encoding="utf-8")
        _save(staged / f"{FEATURES}.mat", _feature_variables(blueprint, features))
        for file, found in blueprint.splits.items():
            _save(staged / file, {name: _cells(value) for name, value in found.items()})
        for file, names in blueprint.lists.items():
            (staged / file).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        written = sorted(path.name for path in staged.iterdir())
        out.mkdir(exist_ok=True)
        # The marker first: a folder left half moved can still be told from a real one.
        for name in sorted(written, key=lambda name: name != MARKER):
            os.replace(staged / name, out / name)  # noqa: PTH105
        for stale in (*out.glob(f"*{SPLITS}"), *out.glob("*classes*.txt")):
            if stale.name not in written:
                stale.unlink()


def _feature_variables(blueprint: Blueprint, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    names = [
        f"synthetic/{blueprint.class_name(label)}/{row + 1:06d}.jpg"
        for row, label in enumerate(blueprint.labels.tolist())
    ]
    return {
        "features": features.T,
        "labels": (blueprint.labels + 1)[:, None].astype(np.uint16),
        "image_files": _cells(np.array(names, dtype=object)),
    }


def _cells(value: NDArray[Any]) -> NDArray[Any]:
    """Strings as the n x 1 cell array that the published files hold; other arrays as they are."""
    return value.reshape(-1, 1) if value.dtype == object else value


def _save(path: Path, found: dict[str, NDArray[Any]]) -> None:
    from scipy.io import savemat

    savemat(path, found)
