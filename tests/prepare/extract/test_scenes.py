from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from gzslbench.data.formats.xlsa17 import read_class_list, read_splits
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import list_scenes

FILES = [
    "a/abbey/sun_b.jpg", "a/abbey/sun_a.jpg", "t/temple/south_asia/sun_c.jpg", "a/airport/airport/sun_d.jpg",
]  # fmt: skip
NAMES = ["abbey", "airport_airport", "temple_south_asia", "x", "y"]


@pytest.fixture
def scenes(archive):
    made = archive(NAMES)
    made.split(np.arange(5))
    savemat(made.folder / "images.mat", {"images": np.array([[file] for file in FILES], dtype=object)})
    return made


def test_rows_and_classes_are_those_of_images_mat(scenes):
    found = list_scenes(scenes.folder, scenes.images)
    assert list(found.files) == FILES and found.labels.tolist() == [0, 0, 2, 1]


def test_the_index_is_also_found_where_its_archive_puts_it(scenes):
    place = scenes.images.parent / "SUNAttributeDB"
    place.mkdir()
    (scenes.folder / "images.mat").rename(place / "images.mat")
    assert list(list_scenes(scenes.folder, scenes.images).files) == FILES


@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs the splits under GZSLBENCH_DATA")
def test_the_published_split_takes_twenty_rows_a_class_in_the_order_of_their_names():
    folder = Path(os.environ["GZSLBENCH_DATA"]) / "SUN"
    splits = read_splits(folder, "att")
    unseen = sorted(splits.class_names.index(name) for name in read_class_list(folder / "testclasses.txt"))
    expected = np.concatenate([np.arange(20 * number, 20 * number + 20) for number in unseen])
    assert np.array_equal(splits.split.test_unseen, expected)


def test_another_file_of_that_name_is_refused(scenes):
    savemat(scenes.folder / "images.mat", {"attributes": np.arange(3)})
    with pytest.raises(DataError, match="'images' is missing"):
        list_scenes(scenes.folder, scenes.images)
