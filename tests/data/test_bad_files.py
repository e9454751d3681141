"""Each way a folder can be bad has an error that names the file, the field and the remedy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.importing import import_dataset

LONG = "a" * 300


def drop(which, key):
    return lambda features, splits: (features, splits)[which].pop(key)


def poison(value):
    def change(features, splits):
        features["features"][2, 7] = value

    return change


def cut_labels(features, splits):
    features["labels"] = features["labels"][:-1]


def cut_image_files(features, splits):
    features["image_files"] = features["image_files"][:-1]


def label(value):
    def change(features, splits):
        features["labels"][3] = value

    return change


def fractional_labels(features, splits):
    features["labels"] = features["labels"] + 0.5


def all_constant(features, splits):
    features["features"][:] = 3.0


def index_beyond(features, splits):
    splits["test_seen_loc"][0] = 31


def index_zero(features, splits):
    splits["trainval_loc"][0] = 0


def hint_beyond(features, splits):
    splits["val_loc"][0] = 31


def row_twice(features, splits):
    splits["trainval_loc"][0] = splits["trainval_loc"][1]


def overlap(features, splits):
    splits["test_seen_loc"][0] = splits["trainval_loc"][0]


def incomplete(features, splits):
    splits["trainval_loc"] = splits["trainval_loc"][:-1]


def empty_part(features, splits):
    splits["test_seen_loc"] = np.zeros((0, 1), dtype=np.uint16)


def wrong_order(features, splits):
    order = np.argsort(features["labels"].ravel(), kind="stable")
    features["features"] = features["features"][:, order]
    features["labels"] = features["labels"][order]


def untrained_class(features, splits):
    labels = features["labels"].ravel()
    rows = splits["trainval_loc"].ravel()
    moved = labels[rows - 1] == 1
    splits["test_seen_loc"] = np.concatenate([splits["test_seen_loc"].ravel(), rows[moved]])[:, None]
    splits["trainval_loc"] = rows[~moved][:, None]


def too_few_semantics(features, splits):
    splits["att"] = splits["att"][:, :-1]
    splits["allclasses_names"] = splits["allclasses_names"][:-1]


def too_many_semantics(features, splits):
    splits["att"] = np.hstack([splits["att"], [[1.0], [2.0], [3.0]]])
    splits["allclasses_names"] = np.vstack([splits["allclasses_names"], [["name+5"]]])


def too_few_names(features, splits):
    splits["allclasses_names"] = splits["allclasses_names"][:-1]


def same_name(features, splits):
    splits["allclasses_names"][1] = "name+0"


def no_name(features, splits):
    splits["allclasses_names"][1] = ""


def zero_semantics(features, splits):
    splits["att"][:, 2] = 0


def nan_semantics(features, splits):
    splits["att"][1, 2] = np.nan


def text_features(features, splits):
    features["features"] = np.array(["a", "b"])


CASES = {
    "no features": (drop(0, "features"), "res101.mat", "'features' is missing"),
    "no labels": (drop(0, "labels"), "res101.mat", "'labels' is missing"),
    "no att": (drop(1, "att"), "att_splits.mat", "'att' is missing"),
    "no trainval": (drop(1, "trainval_loc"), "att_splits.mat", "'trainval_loc' is missing"),
    "NaN": (poison(np.nan), "res101.mat: features", "feature 3 of image 8 is nan"),
    "infinite": (poison(-np.inf), "res101.mat: features", "feature 3 of image 8 is -inf"),
    "beyond float32": (poison(1e300), "res101.mat: features", "feature 3 of image 8 is inf"),
    "text": (text_features, "res101.mat: features", "expected a matrix of numbers"),
    "fewer labels": (cut_labels, "features, labels", "30 columns of features, but 29 labels"),
    "fewer image files": (cut_image_files, "image_files", "but 29 image files"),
    "label too high": (
        label(6),
        "res101.mat: labels",
        "labels run from 1 to 6, but the semantics describe 5",
    ),
    "label zero": (label(0), "res101.mat: labels", "labels run from 0 to 5"),
    "label not whole": (fractional_labels, "res101.mat: labels", "not all are whole numbers"),
    "all constant": (all_constant, "res101.mat: features", "every feature column is constant"),
    "beyond N": (index_beyond, "att_splits.mat: test_seen_loc", "but there are 30 images"),
    "index zero": (index_zero, "att_splits.mat: trainval_loc", "row numbers run from 0"),
    "hint beyond N": (hint_beyond, "att_splits.mat: val_loc", "but there are 30 images"),
    "row twice": (row_twice, "att_splits.mat: trainval_loc", "1 row numbers are repeated"),
    "overlap": (overlap, "trainval_loc, test_seen_loc", "trainval and test_seen share 1 images"),
    "incomplete": (incomplete, "att_splits.mat", "1 of 30 images are in no part of the split"),
    "empty part": (empty_part, "att_splits.mat: test_seen_loc", "it is empty"),
    "wrong order": (wrong_order, "att_splits.mat with res101.mat", "classes are both seen and unseen"),
    "untrained": (untrained_class, "test_seen_loc", "1 classes of test_seen have no training image"),
    "few semantics": (too_few_semantics, "att_splits.mat: att", "the semantics describe 4 classes"),
    "many semantics": (too_many_semantics, "att_splits.mat: att", "1 of them have no image"),
    "few names": (too_few_names, "att_splits.mat: att", "semantics of 5 classes, but 4 class names"),
    "same name": (same_name, "att_splits.mat: att", "'name+0' is empty or used for several classes"),
    "no name": (no_name, "att_splits.mat: att", "'' is empty or used for several classes"),
    "zero semantics": (zero_semantics, "att_splits.mat: att", "class 3 (name+2) are all zero"),
    "NaN semantics": (nan_semantics, "att_splits.mat: att", "class 3 (name+2) are NaN or infinite"),
}


NOT_IN_73 = {"text", "empty part"}  # a 7.3 file holds these in forms that our little writer does not know
KINDS = [("5", case) for case in CASES] + [("7.3", case) for case in CASES if case not in NOT_IN_73]


@pytest.mark.parametrize(("kind", "case"), KINDS)
def test_contradictions_are_refused_with_file_field_and_remedy(tmp_path, arrays, make_folder, kind, case):
    change, where, what = CASES[case]
    change(*arrays)
    make_folder(tmp_path / "TINY", *arrays, kind=kind)
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / "TINY")
    assert what in caught.value.what
    assert where in caught.value.where
    assert str(tmp_path) in caught.value.where
    assert caught.value.fix


def test_the_remedy_of_the_order_trap_says_that_the_row_order_is_another(tmp_path, arrays, make_folder):
    wrong_order(*arrays)
    with pytest.raises(DataError, match="the split indexes another row order"):
        load_dataset(make_folder(tmp_path / "TINY", *arrays))


@pytest.mark.parametrize("name", ["res101.mat", "att_splits.mat"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95])
def test_a_truncated_file_is_refused_by_name(tmp_path, arrays, make_folder, kind, name, share):
    path = make_folder(tmp_path / "TINY", *arrays, kind=kind) / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / "TINY", "res101")
    assert name in caught.value.where


@pytest.mark.parametrize(
    "content", [b"\x00" * 4096, b"this is no MATLAB file, " * 200, b"\x89HDF\r\n\x1a\n" + b"x" * 600]
)
def test_a_file_of_something_else_is_refused_by_name(folder, content):
    (folder / "res101.mat").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(folder, "res101")
    assert "res101.mat" in caught.value.where
    assert caught.value.fix


def test_flipped_bytes_are_read_or_refused_but_never_crash(tmp_path, arrays, make_folder):
    path = make_folder(tmp_path / "TINY", *arrays) / "res101.mat"
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 20):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load_dataset(tmp_path / "TINY", "res101")
        except DataError as error:
            refused += 1
            assert "res101.mat" in error.where
    assert refused > 30


def test_a_class_list_with_an_unknown_name_is_refused(folder):
    (folder / "valclasses1.txt").write_text("name+0\nnobody\n")
    with pytest.raises(DataError, match="'nobody' is not a class"):
        load_dataset(folder)


def test_a_class_list_that_is_not_utf8_is_refused_with_its_line(folder):
    (folder / "valclasses1.txt").write_bytes("name+0\nblüte\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8") as caught:
        load_dataset(folder)
    assert caught.value.where == f"{folder / 'valclasses1.txt'}: line 2"


@pytest.mark.parametrize("name", ["res101.mat", "att_splits.mat", "valclasses1.txt", "SYNTHETIC.txt"])
@pytest.mark.parametrize("read", [load_dataset, import_dataset])
def test_a_file_that_may_not_be_read_is_named_and_not_to_be_downloaded_again(folder, forbid, name, read):
    (folder / "valclasses1.txt").write_text("name+0\n")
    (folder / "SYNTHETIC.txt").touch()
    forbid(folder / name)
    with pytest.raises(DataError, match="make it readable") as caught:
        read(folder, "res101")
    assert caught.value.where == str(folder / name)


def test_an_hdf5_file_that_may_not_be_read_is_named(folder, forbid):
    stored = import_dataset(folder)
    forbid(stored)
    with pytest.raises(DataError, match="make it readable"):
        load_dataset(stored)
    assert any(
        "res101.h5 was ignored: cannot be read: Permission denied" in note
        for note in load_dataset(folder).notes
    )
    (folder / "res101.mat").unlink()
    with pytest.raises(DataError, match="make it readable"):
        load_dataset(folder, "res101")


@pytest.mark.parametrize("read", [load_dataset, import_dataset])
def test_a_folder_that_may_not_be_listed_is_named(folder, monkeypatch, read):
    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="make it readable") as caught:
        read(folder)
    assert caught.value.where == str(folder)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name_or_path": LONG},
        {"name_or_path": "AWA2", "root": LONG},
        {"name_or_path": "TINY", "features": LONG},
        {"name_or_path": "TINY", "semantics": LONG},
    ],
    ids=["name", "root", "features", "semantics"],
)
def test_a_name_longer_than_any_file_may_have_is_refused(folder, monkeypatch, arguments):
    monkeypatch.chdir(folder.parent)
    with pytest.raises(DataError, match="give a shorter name"):
        load_dataset(**arguments)
