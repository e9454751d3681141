from __future__ import annotations

import h5py
import numpy as np
import pytest

from gzslbench.data.load import verify_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.importing import import_dataset


def differing(*args, **options):
    return [line.what for line in verify_dataset(*args, **options)[1] if not line.agrees]


def test_a_sound_folder_and_its_import_agree_with_themselves(folder):
    assert differing(folder) == []
    assert differing(import_dataset(folder)) == []
    assert differing("digits") == []


def test_one_changed_feature_is_found_although_the_file_opens(folder):
    stored = import_dataset(folder)
    with h5py.File(stored, "r+") as file:
        file["features"][3, 1] += 1
    assert differing(stored) == ["content"]


def test_a_value_that_is_no_number_any_more_is_refused(folder):
    stored = import_dataset(folder)
    with h5py.File(stored, "r+") as file:
        file["features"][3, 1] = np.nan
    with pytest.raises(DataError, match="feature 2 of image 4 is nan"):
        verify_dataset(stored)


def test_a_source_that_changed_without_changing_its_times_is_found(folder, tmp_path):
    stored = import_dataset(folder)
    with (folder / "att_splits.mat").open("r+b") as stream:
        stream.write(b"X")
    assert differing(stored) == ["sha256 of att_splits.mat"]


def test_files_under_a_published_name_with_other_numbers_are_found(tmp_path, arrays, make_folder):
    make_folder(tmp_path / "SUN", *arrays)
    found = differing("SUN", root=tmp_path)
    assert {"images", "seen classes", "split fingerprint", "dimension of features res101"} <= set(found)


def test_the_real_flowers_are_what_was_published(real_data):
    assert differing("FLO", "efficientnet_lite0", root=real_data) == []
