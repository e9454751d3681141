"""Opening AWA2-sized files: our HDF5 against scipy reading .mat files; all files are in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gzslbench.data.formats.xlsa17 import read_folder
from gzslbench.data.load import load_dataset
from gzslbench.prepare.importing import import_dataset
from gzslbench.prepare.synthetic_folder import FEATURES, write_synthetic_folder
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting

QUICK_SCALE = 0.01


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Write a folder of xlsa17 with random features, and import it as `gzslbench data import` does."""
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        folder = Path(scratch) / "AWA2"
        scale = QUICK_SCALE if conditions.quick else 1.0
        write_synthetic_folder("AWA2", folder, scale=scale)
        import_dataset(folder)
        size = (folder / f"{FEATURES}.mat").stat().st_size
        contestants = [
            Contestant("ours: imported, features mapped", _always(partial(load_dataset, folder))),
            Contestant("ours: imported, and every feature read", _always(partial(_read, folder))),
            Contestant("scipy.io.loadmat, features and split", _always(partial(_loadmat, folder))),
            Contestant("ours: .mat files, checked and hashed", _always(partial(_read_mat, folder))),
        ]
        yield Setting(f"AWA2, {size / 2**20:.0f} MiB", contestants)


def _always(program: Program) -> partial[Program]:
    """Return `program` as a contestant that needs no building."""
    return partial(lambda: program)


def _read(folder: Path) -> None:
    np.array(load_dataset(folder).features)


def _read_mat(folder: Path) -> None:
    read_folder(folder, "AWA2", FEATURES, ["att"])


def _loadmat(folder: Path) -> None:
    from scipy.io import loadmat

    for name in (FEATURES, "att_splits"):
        loadmat(folder / f"{name}.mat")
