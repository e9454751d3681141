from __future__ import annotations

import numpy as np
import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import OBJECT_LISTS, list_objects

NAMES = ["dog", "cat", "donkey", "cow", "mug"]
LISTS = {
    "apascal_train.txt": ["2008_1.jpg dog 1 1 50 60 0 1", "2008_1.jpg cat 11 21 30 40 0 1"],
    "apascal_test.txt": ["2008_2.jpg cow 5 5 9 9 1 1"],
    "ayahoo_test.txt": ["donkey_7.jpg donkey 2 3 4 5 1 0", "mug_8.jpg mug 1 1 90 90 1 0"],
}


@pytest.fixture
def objects(archive):
    made = archive(NAMES)
    made.split(np.array([0, 1, 3, 2, 4]))
    (made.folder / "attribute_data").mkdir()
    for name in OBJECT_LISTS:
        (made.folder / "attribute_data" / name).write_text("\n".join(LISTS[name]) + "\n")
    for image in ("VOC2008/JPEGImages/2008_1.jpg", "VOC2008/JPEGImages/2008_2.jpg",
                       "ayahoo_test_images/donkey_7.jpg", "ayahoo_test_images/mug_8.jpg"):  # fmt: skip
        made.image(image)
    return made


def test_a_row_is_an_object_in_its_box_and_the_lists_follow_each_other(objects):
    found = list_objects(objects.folder, objects.images)
    assert list(found.files) == [
        *["VOC2008/JPEGImages/2008_1.jpg"] * 2, "VOC2008/JPEGImages/2008_2.jpg",
        "ayahoo_test_images/donkey_7.jpg", "ayahoo_test_images/mug_8.jpg",
    ]  # fmt: skip
    assert found.labels.tolist() == [0, 1, 3, 2, 4]
    assert found.box(0) == (0, 0, 50, 60) and found.box(1) == (10, 20, 30, 40)


def test_images_of_both_in_one_folder_are_found_too(objects):
    for file in list(objects.images.rglob("*.jpg")):
        file.rename(objects.images / file.name)
    found = list_objects(objects.folder, objects.images)
    assert found.files == ("2008_1.jpg", "2008_1.jpg", "2008_2.jpg", "donkey_7.jpg", "mug_8.jpg")


def test_missing_images_and_damaged_lists_are_errors(objects):
    (objects.images / "ayahoo_test_images/donkey_7.jpg").unlink()
    with pytest.raises(DataError, match=r"donkey_7\.jpg.*ayahoo_test_images"):
        list_objects(objects.folder, objects.images)
    objects.image("ayahoo_test_images/donkey_7.jpg")
    (objects.folder / "attribute_data/ayahoo_test.txt").write_text("donkey_7.jpg donkey 2 x 4 5 1 0\n")
    with pytest.raises(DataError, match="not all edges are numbers"):
        list_objects(objects.folder, objects.images)
