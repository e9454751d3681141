from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings import list_flowers


def test_rows_are_in_the_order_of_training_validation_and_test(world):
    found = list_flowers(world.folder, world.images)
    assert found.files == tuple(f"image_{number:05d}.jpg" for number in world.numbers)
    assert found.labels.tolist() == [world.labels[number - 1] for number in world.numbers]


def test_another_order_is_another_fingerprint(world):
    before = list_flowers(world.folder, world.images)
    parts = {name: value for name, value in loadmat(world.folder / "setid.mat").items() if name[0] != "_"}
    savemat(world.folder / "setid.mat", {**parts, "trnid": parts["trnid"][:, ::-1]})
    assert list_flowers(world.folder, world.images).fingerprint != before.fingerprint


@pytest.mark.parametrize("damage", ["missing", "field", "twice"])
def test_index_files_that_contradict_each_other_are_named(world, damage):
    file = world.folder / "setid.mat"
    if damage == "missing":
        file.unlink()
    elif damage == "field":
        savemat(file, {"trnid": np.arange(1, 41)})
    else:
        savemat(file, {"trnid": np.arange(1, 41), "valid": [[1]], "tstid": [[2]]})
    with pytest.raises(DataError, match=r"setid\.mat"):
        list_flowers(world.folder, world.images)
