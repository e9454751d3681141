from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.errors import DataError
from gzslbench.prepare.building.plan import Request, plan_build
from gzslbench.prepare.building.write import write_build
from gzslbench.prepare.extract.listings import read_image_list


def listing(folder):
    """Read the listing like the command, which compares it with the splits."""
    make = "gzslbench.prepare.extract.listings:list_built"
    return read_image_list(make, folder, folder.parent / "photos")


@pytest.fixture
def built(tmp_path):
    for name in ("ant, red", 'the "bee"', "çat"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "photos" / name / f"{number} {name}.jpg").write_bytes(b"image")
    np.save(tmp_path / "table.npy", np.eye(3, 5))
    request = Request(images=tmp_path / "photos", semantics=tmp_path / "table.npy", unseen_classes=1)
    write_build(plan_build(request), tmp_path / "made")
    return tmp_path / "made"


def test_a_built_listing_is_read_as_it_was_planned(built, tmp_path):
    found = listing(built)
    assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found.files[4] == 'the "bee"/0 the "bee".jpg'
    assert all((tmp_path / "photos" / file).is_file() for file in found.files)


@pytest.mark.parametrize("damage", ["line", "empty", "record"])
def test_a_listing_that_the_build_did_not_write_is_refused(built, damage):
    path = built / "listing.csv"
    if damage == "line":
        path.write_text(
            path.read_text(encoding="utf-8").replace("0 çat.jpg,çat", "0 çat.jpg,bee"), encoding="utf-8"
        )
    elif damage == "empty":
        path.write_text("")
    else:
        (built / "build.json").unlink()
    with pytest.raises(DataError, match=r"the file was changed(.|\n)*listing\.csv"):
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
