from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import (
    ImageList,
    list_animals,
    match_rows,
    read_image_list,
    sort_as_published,
)

NAMES = ["a", "b", "c", "d", "e"]
ANIMALS = "gzslbench.prepare.extract.listings:list_animals"


@pytest.fixture
def animals(archive):
    made = archive(NAMES)
    made.files = [f"{name}/{number}.jpg" for name in NAMES for number in range(4)]
    made.labels = np.repeat(np.arange(5), 4)
    for file in made.files:
        made.image(file)
    made.split(made.labels)
    return made


def test_without_published_features_the_index_files_give_the_order(animals):
    found = read_image_list(ANIMALS, animals.folder, animals.images)
    assert list(found.files) == animals.files


def test_the_order_of_published_features_is_used(animals):
    order = np.random.default_rng(0).permutation(20)
    names, labels = [animals.files[row] for row in order], animals.labels[order]
    animals.features(names, labels)
    animals.split(labels)
    found = read_image_list(ANIMALS, animals.folder, animals.images)
    assert list(found.files) == names and np.array_equal(found.labels, labels)


def test_features_of_another_order_than_the_split_are_refused(animals):
    order = np.random.default_rng(0).permutation(20)
    animals.features([animals.files[row] for row in order], animals.labels[order])
    with pytest.raises(DataError, match="seen"):
        read_image_list(ANIMALS, animals.folder, animals.images)


def test_a_missing_image_is_an_error_before_anything_is_computed(animals):
    (animals.images / animals.files[7]).unlink()
    with pytest.raises(DataError, match="row numbers run from 13 to 20, but there are 19 images"):
        read_image_list(ANIMALS, animals.folder, animals.images)


def test_features_of_other_images_and_of_other_classes_are_refused(animals):
    animals.features([*animals.files[:-1], "e/17.jpg"], animals.labels)
    with pytest.raises(DataError, match=r"e/17\.jpg does not fit"):
        sort_as_published(list_animals(animals.folder, animals.images), animals.folder)
    other = animals.labels.copy()
    other[[3, 4]] = other[[4, 3]]
    animals.features(animals.files, other)
    with pytest.raises(DataError, match=r"2 rows have another class.*row 3: a/3\.jpg, class 1 here and 0"):
        sort_as_published(list_animals(animals.folder, animals.images), animals.folder)


def test_features_without_image_names_do_not_change_the_order(animals):
    savemat(animals.folder / "res101.mat", {"features": np.zeros((3, 20)), "labels": np.ones((20, 1))})
    made = ImageList(("a/0.jpg",), np.array([0]))
    assert sort_as_published(made, animals.folder) is made


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["x/1", "x/2", "y/1", "z/3"]), min_size=1), st.randoms())
def test_each_name_gets_a_row_of_its_own_that_ends_as_it_does(files, random):
    shuffled = files.copy()
    random.shuffle(shuffled)
    rows = match_rows(files, [f"/some/where/{name}" for name in shuffled], SimpleNamespace())
    assert sorted(rows) == list(range(len(files)))
    assert [files[row] for row in rows] == shuffled
    for name in set(files):
        mine = [row for row in rows if files[row] == name]
        assert mine == sorted(mine)
