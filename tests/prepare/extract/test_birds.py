from __future__ import annotations

import numpy as np
import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import list_birds

FOLDERS = ["003.Sooty", "001.Black", "005.Crested", "002.Laysan", "004.Groove"]
"""In the order of the splits' classes, which is not that of the archive."""


@pytest.fixture
def birds(archive):
    made = archive(FOLDERS)
    files = [f"{name}/{name[4:]}_{9 - number}.jpg" for name in sorted(FOLDERS) for number in range(3)]
    made.files = files
    beside = made.images.parent
    (beside / "images.txt").write_text("".join(f"{row + 1} {file}\n" for row, file in enumerate(files)))
    made.split(np.array([FOLDERS.index(file.split("/")[0]) for file in files]))
    return made


def test_rows_are_in_the_order_of_images_txt_and_classes_in_that_of_the_splits(birds):
    found = list_birds(birds.folder, birds.images)
    assert list(found.files) == birds.files
    assert [FOLDERS[label] for label in found.labels] == [file.split("/")[0] for file in birds.files]


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("images.txt", "1 003.Sooty/a.jpg\n2\n", "line 2 has 1 words, not 2"),
        ("images.txt", "\n", "empty"),
        ("images.txt", "1 003.Soty/a.jpg\n", "did you mean '003.Sooty'"),
    ],
)
def test_a_damaged_index_file_is_named(birds, file, content, complaint):
    (birds.images.parent / file).write_text(content)
    with pytest.raises(DataError, match=complaint) as caught:
        list_birds(birds.folder, birds.images)
    assert file in str(caught.value)


def test_a_missing_index_file_is_named(birds):
    (birds.images.parent / "images.txt").unlink()
    with pytest.raises(DataError, match=r"put images\.txt"):
        list_birds(birds.folder, birds.images)
