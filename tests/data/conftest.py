from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

CLASSES, PER_CLASS, DIM, ATTRIBUTES = 5, 6, 4, 3
UNSEEN = (1, 4)


def tiny_arrays(seed: int = 0) -> tuple[dict, dict]:
    """What the two .mat files of a sound little dataset hold, in MATLAB's shapes and counting."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(CLASSES), PER_CLASS))
    seen_rows = np.flatnonzero(~np.isin(labels, UNSEEN))
    held = np.array([np.flatnonzero(labels == c)[0] for c in range(CLASSES) if c not in UNSEEN])
    trainval = np.setdiff1d(seen_rows, held)
    rows = {
        "trainval_loc": rng.permutation(trainval) + 1,
        "test_seen_loc": held + 1,
        "test_unseen_loc": np.flatnonzero(np.isin(labels, UNSEEN)) + 1,
        "train_loc": np.concatenate([trainval[:-4], held[:2]]) + 1,
        "val_loc": np.concatenate([trainval[-4:], held[2:]]) + 1,
    }
    features = {
        "features": rng.normal(size=(DIM, len(labels))),
        "labels": (labels[:, None] + 1).astype(np.uint8),
        "image_files": np.array([[f"img/{row:03d}.jpg"] for row in range(len(labels))], dtype=object),
    }
    splits = {name: column[:, None].astype(np.uint16) for name, column in rows.items()}
    splits["att"] = rng.normal(size=(ATTRIBUTES, CLASSES))
    splits["original_att"] = rng.uniform(0, 100, size=(ATTRIBUTES, CLASSES))
    splits["allclasses_names"] = np.array([[f"name+{c}"] for c in range(CLASSES)], dtype=object)
    return features, splits


def write_folder(folder: Path, features: dict, splits: dict, kind: str = "5") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write = savemat if kind == "5" else save_mat73
    write(str(folder / "res101.mat"), features)
    write(str(folder / "att_splits.mat"), splits)
    return folder


def save_mat73(path: str, variables: dict) -> None:
    """A file laid out as MATLAB 7.3 lays it out: columns first, cells as references, a 512-byte header."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")
        for name, value in variables.items():
            if value.dtype == object:
                stored = np.empty(value.T.shape, dtype=h5py.ref_dtype)
                for place, text in np.ndenumerate(value.T):
                    cell = cells.create_dataset(f"{name}{place}", data=_characters(text))
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                    if not text:
                        cell.attrs["MATLAB_empty"] = 1
                    stored[place] = cell.ref
                file.create_dataset(name, data=stored, dtype=h5py.ref_dtype)
            else:
                file[name] = value.T
    with Path(path).open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def _characters(text: str) -> np.ndarray:
    """A 1 x n char array, columns first; of an empty one its shape."""
    return np.array([[ord(letter)] for letter in text] or [0, 0], dtype=np.uint16)


@pytest.fixture
def arrays() -> tuple[dict, dict]:
    return tiny_arrays()


@pytest.fixture(scope="session")
def make_arrays():
    return tiny_arrays


@pytest.fixture(scope="session")
def make_folder():
    return write_folder


@pytest.fixture(params=["5", "7.3"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path, arrays) -> Path:
    return write_folder(tmp_path / "TINY", *arrays)


@pytest.fixture
def forbid(monkeypatch):
    """Take the right to read a file away, from root too, who may read every file."""
    opened, forbidden = Path.open, set()

    def refuse(self, *args, **kwargs):
        if self in forbidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return opened(self, *args, **kwargs)

    def forbid(path: Path) -> None:
        path.chmod(0)
        forbidden.add(path)
        monkeypatch.setattr(Path, "open", refuse)

    return forbid
