from __future__ import annotations

import h5py
import numpy as np
import pytest

from gzslbench.data.formats.xlsa17 import feature_names, read_folder, semantics_names
from gzslbench.errors import DataError


def read(folder, semantics="att"):
    return read_folder(folder, "TINY", "res101", [semantics])[0]


def test_a_folder_of_either_matlab_kind_is_read_as_it_was_written(tmp_path, arrays, make_folder, kind):
    written, splits = arrays
    dataset = read(make_folder(tmp_path, *arrays, kind=kind))
    assert dataset.features.dtype == np.float32
    assert dataset.features.flags.c_contiguous
    np.testing.assert_array_equal(dataset.features, written["features"].T.astype(np.float32))
    np.testing.assert_array_equal(dataset.labels, written["labels"].ravel().astype(int) - 1)
    np.testing.assert_array_equal(dataset.semantics, splits["att"].T.astype(np.float32))
    assert dataset.class_names == tuple(f"name+{c}" for c in range(5))
    assert dataset.image_files == tuple(f"img/{row:03d}.jpg" for row in range(30))
    for part in ("trainval", "test_seen", "test_unseen"):
        expected = np.sort(splits[f"{part}_loc"].ravel().astype(int)) - 1
        np.testing.assert_array_equal(getattr(dataset.split, part), expected)


def test_both_matlab_kinds_give_the_same_content_and_split(tmp_path, arrays, make_folder):
    five, seven = (read(make_folder(tmp_path / kind, *arrays, kind=kind)) for kind in ("5", "7.3"))
    assert five.content == seven.content
    assert five.task_id == seven.task_id


def test_raw_semantics_come_from_the_same_file(folder, arrays):
    assert semantics_names(folder) == ["att", "original_att"]
    expected = arrays[1]["original_att"].T.astype(np.float32)
    np.testing.assert_array_equal(read(folder, "original_att").semantics, expected)


def test_only_files_with_features_and_labels_are_feature_files(folder, make_folder, tmp_path, arrays):
    make_folder(tmp_path / "other", {"labels": arrays[0]["labels"]}, arrays[1])
    (folder / "setid.mat").write_bytes((tmp_path / "other" / "res101.mat").read_bytes())
    (folder / "broken.mat").write_bytes(b"nothing")
    assert feature_names(folder) == ["res101"]


def test_classes_without_names_are_numbered_from_one(tmp_path, arrays, make_folder):
    del arrays[1]["allclasses_names"]
    assert read(make_folder(tmp_path, *arrays)).class_names == tuple(f"class {c}" for c in range(1, 6))


def test_image_files_are_optional(tmp_path, arrays, make_folder):
    del arrays[0]["image_files"]
    assert read(make_folder(tmp_path, *arrays)).image_files == ()


def test_names_may_be_a_padded_char_matrix(tmp_path, arrays, make_folder):
    arrays[1]["allclasses_names"] = np.array(["ox", "cow", "goat", "pig", "hen"])
    assert read(make_folder(tmp_path, *arrays)).class_names == ("ox", "cow", "goat", "pig", "hen")


def test_test_rows_among_the_validation_rows_are_counted_in_a_note(folder, arrays):
    dataset = read(folder)
    assert dataset.notes == (
        "train_loc contains 2 rows of test_seen and 0 of test_unseen",
        "val_loc contains 1 rows of test_seen and 0 of test_unseen",
    )
    expected = np.sort(arrays[1]["train_loc"].ravel().astype(int)) - 1
    np.testing.assert_array_equal(dataset.validation.train_rows, expected)
    assert dataset.validation.train_classes is None


def test_class_lists_become_class_numbers(folder):
    (folder / "trainclasses1.txt").write_text("name+3\nname+0\n\n")
    (folder / "valclasses1.txt").write_text("name+2\n")
    dataset = read(folder)
    np.testing.assert_array_equal(dataset.validation.train_classes, [0, 3])
    np.testing.assert_array_equal(dataset.validation.val_classes, [2])
    assert set(dataset.files) == {"res101.mat", "att_splits.mat", "trainclasses1.txt", "valclasses1.txt"}


def test_without_hints_validation_is_none(tmp_path, arrays, make_folder):
    del arrays[1]["train_loc"], arrays[1]["val_loc"]
    dataset = read(make_folder(tmp_path, *arrays))
    assert dataset.validation is None
    assert dataset.notes == ()


def test_some_constant_columns_are_a_note(tmp_path, arrays, make_folder):
    arrays[0]["features"][[0, 2]] = 7
    notes = read(make_folder(tmp_path, *arrays)).notes
    assert "2 of 4 feature columns are constant" in notes


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_features_of_any_numeric_type_become_float32(tmp_path, arrays, make_folder, dtype):
    arrays[0]["features"] = np.abs(arrays[0]["features"] * 50).astype(dtype)
    dataset = read(make_folder(tmp_path, *arrays))
    np.testing.assert_array_equal(dataset.features, arrays[0]["features"].T.astype(np.float32))


@pytest.mark.parametrize(
    ("file", "name"),
    [("res101", "features"), ("res101", "labels"), ("att_splits", "att"), ("att_splits", "trainval_loc")],
)
def test_a_variable_without_any_value_is_an_error_that_names_the_file(
    tmp_path, arrays, make_folder, file, name
):
    folder = make_folder(tmp_path, *arrays, kind="7.3")
    with h5py.File(folder / f"{file}.mat", "r+") as opened:
        del opened[name]
        opened[name] = h5py.Empty("f8")
    with pytest.raises(DataError) as error:
        read(folder)
    assert f"{file}.mat" in str(error.value.where)
