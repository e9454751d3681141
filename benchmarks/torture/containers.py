"""Damage to values in MATLAB, HDF5 and torch files, which only a writer of these files can do."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import h5py
import numpy as np
import torch
from scipy import sparse
from scipy.io import loadmat, savemat

from gzslbench_benchmarks.torture.mutations import VALUES, Random, find_places, mutate_bytes, pick

_DIGEST = 32
"""Bytes of the checksum at the end of a checkpoint."""


def mutate_mat(content: bytes, random: Random) -> bytes:
    """Change variables of a MATLAB 5 file: type, shape, values or names."""
    values = {
        name: value for name, value in loadmat(io.BytesIO(content)).items() if not name.startswith("__")
    }
    name = pick(random, sorted(values))
    changed = _mutate_array(values.pop(name), random)
    if changed is not None:
        values[pick(random, [name] * 8 + ["x", "features", "labels", "att"])] = changed
    stream = io.BytesIO()
    savemat(stream, values, do_compression=bool(random.integers(2)))
    return stream.getvalue()


def mutate_hdf5(content: bytes, random: Random) -> bytes:
    """Change a dataset or an attribute of an HDF5 file."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = pick(random, sorted(names))
        holder = file[pick(random, ["/", name])]
        attributes = sorted(holder.attrs)
        if attributes and random.random() < 0.5:
            attribute = pick(random, attributes)
            del holder.attrs[attribute]
            value = pick(
                random,
                [
                    None,
                    1,
                    "",
                    "x" * 9,
                    "../up",
                    b"\xff",
                    "[1]",
                    "{}",
                    "null",
                    '{"a": 1}',
                    [1.5, 2.0],
                    np.zeros((2, 2)),
                ],
            )
            if value is not None:
                holder.attrs[attribute] = value
            return _closed(file, stream)
        array = file[name]
        found = array[()] if isinstance(array, h5py.Dataset) else np.arange(3.0)
        del file[name]
        if found.dtype == object and h5py.check_dtype(ref=found.dtype):
            found = np.arange(float(found.size))
        changed = _mutate_array(found, random)
        if changed is None or sparse.issparse(changed) or isinstance(changed, dict):
            file.create_group(name)
        elif random.random() < 0.1:
            file.create_dataset(name, (2**40, 2**20), dtype="f8", chunks=(1024, 1024))  # takes no space
        else:
            file[name] = changed if changed.dtype.kind not in "OU" else np.array([b"x"] * changed.size)
        return _closed(file, stream)


def mutate_names(content: bytes, random: Random) -> bytes:
    """Change a name in a dataset of gzslbench's format: its own, or those of features and semantics."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        name = pick(random, [value for value in VALUES if isinstance(value, str) and value.isascii()])
        name = name.replace("\0", "")
        if random.random() < 0.4:
            file.attrs[pick(random, ["name", "features_name"])] = name[:60_000]
        else:
            groups = file["semantics"]
            old = pick(random, sorted(groups))
            if name.strip("/.") and name not in groups:
                groups.move(old, name)
        return _closed(file, stream)


def _closed(file: Any, stream: io.BytesIO) -> bytes:
    file.close()
    return stream.getvalue()


def _mutate_array(array: Any, random: Random) -> Any:
    """Return an array, or something else, in place of one; None for nothing."""
    number = array.dtype.kind in "biuf" and array.size
    match int(random.integers(14)):
        case 0:
            return None
        case 1:
            return array.T.copy()
        case 2:
            return array[: int(random.integers(len(array) + 1))] if array.ndim else array
        case 3:
            return np.concatenate([array, array]) if array.ndim else array
        case 4:
            return np.zeros((0, 0))
        case 5 if number:
            return array.astype(pick(random, ["i1", "u1", "f2", "i8", "c16", "f8", "?"]))
        case 6 | 7 if number:
            changed = array.astype("f8")
            changed.flat[int(random.integers(array.size))] = pick(
                random, [np.nan, np.inf, -1, 0, 1e300, 0.5, 2**53]
            )
            return changed
        case 8 if number:
            return sparse.csc_matrix(np.atleast_2d(array)) if array.ndim <= 2 else None
        case 9:
            return np.array(pick(random, ["text", "", "é\u2028", "x" * 1000]))
        case 10:
            return np.array([["a", 1.0], [None or "", [1, 2]]], dtype=object)
        case 11:
            return {"field": np.arange(3.0)}
        case 12 if array.ndim and array.size:
            return array[random.permutation(len(array))]
        case _:
            return np.zeros(pick(random, [(1,), (1, 1), (2, 3, 4), (3,), (1, 1000)]))


def mutate_torch(content: bytes, random: Random) -> bytes:
    """Change the bytes of a file of torch.save, or values in it."""
    if random.random() < 0.4:
        return mutate_bytes(content, random)
    stream = io.BytesIO()
    torch.save(_mutate_state(torch.load(io.BytesIO(content), weights_only=True), random), stream)
    return stream.getvalue()


def mutate_signed(content: bytes, random: Random) -> bytes:
    """Change values in a checkpoint, and sign it again."""
    loaded = torch.load(io.BytesIO(content[:-_DIGEST]), weights_only=True)
    stream = io.BytesIO()
    torch.save(_mutate_state(loaded, random), stream)
    return stream.getvalue() + hashlib.sha256(stream.getvalue()).digest()


def _mutate_state(state: Any, random: Random) -> Any:
    state = _as_lists(state)
    for _ in range(int(random.integers(1, 3))):
        places = find_places(state)
        holder, key = pick(random, places)
        value = holder[key]
        match int(random.integers(6)):
            case 0:
                del holder[key]
            case 1 if isinstance(value, torch.Tensor):
                holder[key] = pick(
                    random,
                    [value.double(), value[..., None], value.flatten()[:1], torch.zeros(3, 7), value.bool()],
                )
            case 2 if isinstance(value, torch.Tensor) and value.is_floating_point():
                holder[key] = torch.full_like(value, pick(random, [float("nan"), float("inf"), 1e30]))
            case 3 if isinstance(value, (int, float)):
                holder[key] = pick(random, [-1, 0, 10**9, 0.5, float("nan"), str(value), [value]])
            case _:
                holder[key] = pick(random, VALUES)
        if not find_places(state):
            break
    return state


def _as_lists(tree: Any) -> Any:
    """Return the tree with lists for tuples, so that it can be changed."""
    if isinstance(tree, dict):
        return {key: _as_lists(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_as_lists(value) for value in tree]
    return tree
