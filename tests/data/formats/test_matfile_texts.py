"""Texts in MATLAB files: the forms in which other programs store them are read, or refused by name."""

from __future__ import annotations

import fcntl

import h5py
import numpy as np
import pytest
import scipy.sparse
from scipy.io import loadmat, savemat

from gzslbench.data.formats.matfile import encode_mat, read_mat
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError

NAMES = ["ant+0", "bée+1", "cat+2"]
CELLS = np.array(NAMES, dtype=object)[:, None]


def nested():
    cells = np.empty((3, 1), dtype=object)
    for row, name in enumerate(NAMES):
        cells[row, 0] = np.array([[name]], dtype=object)
    return cells


def references(file, key, values, *, nest=False):
    """Write a cell array as MATLAB 7.3 does: a dataset of references to the cells."""
    cells = file.require_group("#refs#")
    found = []
    for number, value in enumerate(values):
        dataset = cells.create_dataset(f"{key}{number}", data=value)
        if nest:
            outer = cells.create_dataset(f"{key}outer{number}", (1, 1), dtype=h5py.ref_dtype)
            outer[0, 0] = dataset.ref
            dataset = outer
        found.append(dataset.ref)
    file.create_dataset(key, (1, len(found)), dtype=h5py.ref_dtype)[0, :] = found


def characters(name):
    return np.array([[ord(letter)] for letter in name], np.uint16)


WRITERS = {
    "strings of h5py": lambda file: file.create_dataset("x", data=NAMES, dtype=h5py.string_dtype()),
    "bytes of h5py": lambda file: file.create_dataset("x", data=np.array([name.encode() for name in NAMES])),
    "cells": lambda file: references(file, "x", map(characters, NAMES)),
    "cells in cells": lambda file: references(file, "x", map(characters, NAMES), nest=True),
}


@pytest.mark.parametrize("form", WRITERS)
def test_texts_of_matlab_73_are_read_in_every_form(tmp_path, form):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        WRITERS[form](file)
    assert read_mat(tmp_path / "a.mat", ("x",), texts=("x",))["x"].tolist() == NAMES


@pytest.mark.parametrize("values", [CELLS, nested(), np.array(NAMES)], ids=["cells", "nested", "characters"])
def test_texts_of_matlab_5_are_read_in_every_form(tmp_path, values):
    savemat(tmp_path / "a.mat", {"x": values})
    assert read_mat(tmp_path / "a.mat", ("x",), texts=("x",))["x"].tolist() == NAMES


def number_cells(file):
    references(file, "x", [np.array([[1.0]]), np.array([[2.0]])])


def matlab_string(file):
    dataset = file.create_dataset("x", data=np.array([[0xDD000000, 2, 1, 1, 1, 1]], np.uint32))
    dataset.attrs["MATLAB_class"] = np.bytes_("string")


def struct(file):
    file.create_group("x")["field"] = 1


def sparse(file):
    group = file.create_group("x")
    group["data"], group["ir"], group["jc"] = np.ones(2), np.arange(2), np.arange(3)


@pytest.mark.parametrize(
    ("write", "words", "fix"),
    [
        (lambda file: file.create_dataset("x", data=np.arange(3.0)), "it holds numbers, not texts", "cell"),
        (number_cells, "it holds numbers, not texts", "cell"),
        (matlab_string, "class string", "cellstr"),
        (struct, "a struct", "cell array"),
        (sparse, "a sparse matrix", "full"),
    ],
)
def test_what_is_no_text_is_named_and_the_file_is_not_called_damaged(tmp_path, write, words, fix):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        write(file)
    with pytest.raises(DataError, match=words) as caught:
        read_mat(tmp_path / "a.mat", ("x",), texts=("x",))
    assert str(caught.value.where).endswith("a.mat: x")
    assert fix in caught.value.fix
    assert "download" not in caught.value.fix


def test_numbers_sparse_matrices_and_old_files_of_matlab_5_are_named(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.arange(3), "y": scipy.sparse.eye(3).tocsc()})
    with pytest.raises(DataError, match="it holds numbers, not texts"):
        read_mat(tmp_path / "a.mat", ("x",), texts=("x",))
    with pytest.raises(DataError, match="sparse"):
        read_mat(tmp_path / "a.mat", ("y",))
    savemat(tmp_path / "old.mat", {"x": np.arange(3.0)}, format="4")
    with pytest.raises(DataError, match="MATLAB 4") as caught:
        read_mat(tmp_path / "old.mat", ("x",))
    assert "-v7" in caught.value.fix


def test_an_empty_train_loc_is_as_none(tmp_path, arrays, make_folder):
    features, splits = arrays
    empty = np.zeros((0, 0))
    folder = make_folder(tmp_path / "TINY", features, {**splits, "train_loc": empty, "val_loc": empty})
    assert load_dataset(folder).validation is None


@pytest.mark.parametrize("suffix", [".mat", ".h5"])
def test_reading_needs_no_lock(tmp_path, suffix, arrays, make_folder):
    """On a drive that keeps no locks, HDF5's own lock fails; here another process has it."""
    from gzslbench.prepare.importing import import_dataset

    path = tmp_path / "strings.mat"
    if suffix == ".mat":
        with h5py.File(path, "w") as file:
            WRITERS["strings of h5py"](file)
    else:
        path = import_dataset(make_folder(tmp_path / "TINY", *arrays), out=tmp_path / "tiny.h5")
    with path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if suffix == ".mat":
            assert read_mat(path, ("x",), texts=("x",))["x"].tolist() == NAMES
        else:
            assert load_dataset(path).name == "TINY"


@pytest.mark.parametrize("compress", [False, True])
def test_the_bytes_of_a_file_depend_on_the_variables_alone(tmp_path, monkeypatch, compress):
    variables = {"att": np.arange(6.0).reshape(2, 3), "allclasses_names": CELLS}
    first = encode_mat(variables, compress)
    monkeypatch.setattr("time.asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    assert encode_mat(variables, compress) == first
    (tmp_path / "file.mat").write_bytes(first)
    found = loadmat(tmp_path / "file.mat", squeeze_me=True)
    np.testing.assert_array_equal(found["att"], variables["att"])
    assert found["allclasses_names"].tolist() == NAMES
