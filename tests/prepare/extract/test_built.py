from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.errors import DataError
from gzslbench.prepare.build.plan import Request, plan_build
from gzslbench.prepare.build.write import write_build
from gzslbench.prepare.extract.listings import read_image_list


def listing(folder):
    """As the command reads it: held against the splits."""
    make = "gzslbench.prepare.extract.listings:list_built"
    return read_image_list(make, folder, folder.parent / "photos")


@pytest.fixture
def built(tmp_path):
    for name in ("ant, red", 'the "bee"', "çat"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "photos" / name / f"{number} {name}.jpg").write_bytes(b"image")
    np.save(tmp_path / "table.npy", np.eye(3, 5))
    request = Request(tmp_path / "photos", tmp_path / "table.npy", unseen_classes=1)
    write_build(plan_build(request), tmp_path / "made")
    return tmp_path / "made"


def change(built, line: int, text: str) -> None:
    lines = (built / "listing.csv").read_text(encoding="utf-8").split("\n")
    lines[line - 1] = text
    (built / "listing.csv").write_text("\n".join(lines), encoding="utf-8")


def test_a_built_listing_is_read_as_it_was_planned(built, tmp_path):
    found = listing(built)
    assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found.files[4] == 'the "bee"/0 the "bee".jpg'
    assert all((tmp_path / "photos" / file).is_file() for file in found.files)


@pytest.mark.parametrize(
    ("line", "text", "complaint"),
    [
        (1, "photo,class", "header is not file,class(.|\n)*line 1"),
        (3, "a.jpg", "1 columns instead of 2(.|\n)*line 3"),
        (3, "a.jpg,ant, red", "3 columns instead of 2(.|\n)*line 3"),
        (3, 'a.jpg,"ant, rad"', r"'ant, rad' is not a class(.|\n)*line 3(.|\n)*did you mean 'ant, red'"),
        (3, '/etc/a.jpg,"ant, red"', "not a path below(.|\n)*line 3"),
        (3, '../a.jpg,"ant, red"', "not a path below(.|\n)*line 3"),
        (3, ',"ant, red"', "not a path below(.|\n)*line 3"),
        (3, '"ant, red/0 ant, red.jpg","ant, red"', "is listed twice(.|\n)*lines 2 and 3"),
        (3, '"a.jpg', "not a line of CSV"),
        (3, "", "row numbers run from"),
        (3, 'a.jpg,"the ""bee"""', r"both seen and unseen|no training image|splits\.mat with"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(built, line, text, complaint):
    change(built, line, text)
    with pytest.raises(DataError, match=complaint):
        listing(built)


def test_a_listing_without_rows_is_refused(built):
    for text, complaint in (("", "header"), ("file,class\n", "has no image")):
        (built / "listing.csv").write_text(text)
        with pytest.raises(DataError, match=complaint):
            listing(built)


def test_second_semantics_must_name_the_same_classes_in_the_same_order(built):
    stored = {name: value for name, value in loadmat(built / "att_splits.mat").items() if name[0] != "_"}
    savemat(built / "sent_splits.mat", stored)
    assert len(listing(built).files) == 12
    savemat(built / "sent_splits.mat", {**stored, "allclasses_names": stored["allclasses_names"][::-1]})
    with pytest.raises(DataError, match="same order"):
        listing(built)
    for path in built.glob("*.mat"):
        path.unlink()
    with pytest.raises(DataError, match="there are no semantics"):
        listing(built)
