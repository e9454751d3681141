"""A class number means one class in all files: what contradicts that is refused, with both files named."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from gzslbench.data.checks import check_class_folders, check_class_order
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.importing import import_dataset
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

NAMES = ["ape", "bear", "cat", "dog", "eel"]


def cells(texts):
    return np.array([[text] for text in texts], dtype=object)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(5)))
def test_a_second_splits_file_in_another_order_is_refused_and_in_the_same_order_read(
    make_arrays, make_folder, order
):
    features, splits = make_arrays()
    splits["allclasses_names"] = cells(NAMES)
    with tempfile.TemporaryDirectory() as name:
        folder = make_folder(Path(name, "TINY"), features, splits)
        columns = {"att": splits["att"][:, order], "allclasses_names": cells([NAMES[at] for at in order])}
        savemat(folder / "mine_splits.mat", {**splits, **columns})
        if list(order) == sorted(order):
            load_dataset(folder, semantics="mine")
            return
        first = next(at for at, chosen in enumerate(order) if at != chosen)
        for semantics in ("att", "mine"):
            with pytest.raises(DataError) as caught:
                load_dataset(folder, semantics=semantics)
            assert f"class {first + 1} is" in caught.value.what
            assert NAMES[first] in caught.value.what and NAMES[order[first]] in caught.value.what
            assert all(f"{file}_splits.mat" in caught.value.where for file in ("att", "mine"))
        with pytest.raises(DataError, match="in the other"):
            import_dataset(folder)


@pytest.mark.parametrize(
    "others",
    [
        ["Ape", "001.bear", "cat", "dog", "eel"],  # another spelling
        [f"class {number}" for number in range(1, 6)],  # no names
        ["ape", "bear", "feline", "dog", "eel"],  # a synonym
        ["bear", "ape"],  # other classes: the file belongs to no class of this dataset
        [],
    ],
)
def test_lists_that_do_not_contradict_each_other_pass(others):
    check_class_order(NAMES, others, "here")


def test_a_class_whose_images_are_in_the_folder_of_another_is_refused():
    labels, folders = np.array([0, 0, 1, 2]), ["ape", "ape", "cat", "bear"]
    files = [f"/data/{folder}/{row}.jpg" for row, folder in enumerate(folders)]
    with pytest.raises(DataError, match="class 2 is called 'bear', but its images are in the folder 'cat'"):
        check_class_folders(NAMES, labels, files, "here")
    check_class_folders(NAMES, np.array([0, 0, 2, 1]), files, "here")


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (NAMES, ["a/1.jpg", "b/2.jpg", "c/3.jpg", "d/4.jpg", "e/5.jpg"]),  # folders that name no class
        (NAMES, ["cat/1.jpg", "cat/2.jpg", "cat/3.jpg", "cat/4.jpg", "cat/5.jpg"]),  # one for all
        (NAMES, ["x.jpg"] * 5),
        (NAMES, []),
        (["bakery shop", "shop", "b", "c", "d"], ["b/bakery/shop/1.jpg", "s/shop/2.jpg", "3", "4", "5"]),
        (["001.Ape", "002.Bear", "3", "4", "5"], ["Ape/1.jpg", "Bear/2.jpg", "3", "4", "5"]),
    ],
)
def test_paths_that_do_not_contradict_the_names_pass(names, files):
    check_class_folders(names, np.arange(5), files, "here")


def test_a_folder_that_contradicts_itself_by_image_paths_is_refused_with_both_files(
    make_arrays, make_folder, tmp_path
):
    features, splits = make_arrays()
    names = np.array(NAMES)
    splits["allclasses_names"] = cells(NAMES[::-1])
    rows = features["labels"].ravel() - 1
    features["image_files"] = cells([f"images/{names[label]}/{row}.jpg" for row, label in enumerate(rows)])
    folder = make_folder(tmp_path / "TINY", features, splits)
    with pytest.raises(DataError, match="class 1 is called 'eel'") as caught:
        load_dataset(folder)
    assert "att_splits.mat" in caught.value.where and "res101.mat" in caught.value.where


def test_an_hdf5_file_whose_semantics_have_two_orders_is_refused(folder):
    stored = import_dataset(folder)
    with h5py.File(stored, "r+") as file:
        listed = file["semantics/original_att/class_names"]
        listed[...] = listed[()][::-1]
    with pytest.raises(DataError, match=r"class 1 is .* in one list") as caught:
        load_dataset(stored, semantics="att")
    assert "original_att" in caught.value.where


def test_folders_that_gzslbench_writes_have_one_order(tmp_path):
    folder = write_synthetic_folder("CUB", tmp_path / "CUB", scale=0.02)
    assert load_dataset(folder, semantics="sent").class_names == load_dataset(folder).class_names


@pytest.mark.parametrize(
    ("name", "features", "semantics"),
    [("CUB", "resnet1000", "att"), ("CUB", "resnet1000", "sent"), ("FLO", "efficientnet_lite0", "att")],
)
def test_the_published_folders_are_read(real_data, name, features, semantics):
    if not (real_data / name / f"{features}.mat").is_file():
        pytest.skip(f"GZSLBENCH_DATA has no {features}")
    load_dataset(name, features, semantics, root=real_data)
