from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.formats.xlsa17 import read_splits
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import list_animals

NAMES = ["zebra", "blue+whale", "bobcat", "bat", "antelope"]
REAL = pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs the splits under GZSLBENCH_DATA")


@pytest.fixture
def animals(archive):
    made = archive(NAMES)
    for name in NAMES:
        for number in (10002, 10001, 10010):
            made.image(f"{name}/{name}_{number}.jpg")
    made.image("bat/.DS_Store")
    made.image("licences.txt")
    made.split(np.repeat([NAMES.index(name) for name in sorted(NAMES)], 3))
    return made


def test_rows_are_in_the_order_of_folders_and_files(animals):
    found = list_animals(animals.folder, animals.images)
    expected = [f"{name}/{name}_{number}.jpg" for name in sorted(NAMES) for number in (10001, 10002, 10010)]
    assert list(found.files) == expected
    assert [NAMES[label] for label in found.labels] == [file.split("/")[0] for file in expected]


def test_folders_of_something_else_are_refused(animals, tmp_path):
    with pytest.raises(DataError, match="there is no folder of JPEG files"):
        list_animals(animals.folder, animals.images / "bat")
    animals.image("bobcats/bobcats_10001.jpg")
    with pytest.raises(DataError, match="did you mean 'bobcat'"):
        list_animals(animals.folder, animals.images)
    with pytest.raises(DataError):
        list_animals(animals.folder, tmp_path / "nothing")


@REAL
@pytest.mark.parametrize(
    ("dataset", "sizes"),
    [
        # Images of the unseen classes, from the table of the dataset's own page.
        ("AWA2", {"bat": 383, "blue+whale": 174, "bobcat": 630, "dolphin": 946, "giraffe": 1202,
                  "horse": 1645, "rat": 310, "seal": 988, "sheep": 1420, "walrus": 215}),
    ],
)  # fmt: skip
def test_the_published_split_has_its_unseen_classes_where_folders_by_name_have_them(dataset, sizes):
    splits = read_splits(Path(os.environ["GZSLBENCH_DATA"]) / dataset, "att")
    rows = splits.split.test_unseen
    runs = [len(run) for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)]
    names = sorted(splits.class_names)
    expected: list[int] = []
    last = ""
    for name in names:
        if name in sizes and expected and names.index(name) == names.index(last) + 1:
            expected[-1] += sizes[name]
        elif name in sizes:
            expected.append(sizes[name])
        last = name if name in sizes else last
    assert runs == expected and sum(sizes.values()) == len(rows)
