from __future__ import annotations

import numpy as np
import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.building.tables import read_table

CLASSES = ["ant", "bee", "cat"]
VALUES = np.arange(1, 7, dtype=np.float64).reshape(3, 2)


@pytest.fixture
def npy(tmp_path):
    def read(value, **settings):
        np.save(tmp_path / "table.npy", value, **settings)
        return read_table(tmp_path / "table.npy", CLASSES)

    return read


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int16, np.uint8, bool])
def test_rows_of_an_npy_file_are_classes(npy, kind):
    table = npy(VALUES.astype(kind))
    np.testing.assert_array_equal(table.values, VALUES.astype(kind).astype(np.float32))
    assert table.names is None and table.values.dtype == np.float32


def test_an_npy_file_of_another_shape_or_kind_is_refused(npy, tmp_path):
    for value, complaint in (
        (VALUES.T, "save its transpose"),
        (VALUES[:2], "2 rows, but there are 3 class folders"),
        (VALUES[None], "expected a matrix"),
        (VALUES.astype(str), "expected a matrix"),
        (VALUES.astype(complex), "expected a matrix"),
        (np.empty((3, 0)), "expected a matrix"),
        (np.where(VALUES == 4, np.nan, VALUES), r"number 2 is nan(.|\n)*class 2"),
        (VALUES * 1e39, r"number 1 is 1e\+39(.|\n)*class 1"),
    ):
        with pytest.raises(DataError, match=complaint):
            npy(value)
    with pytest.raises(DataError, match="not as objects"):
        npy(VALUES.astype(object), allow_pickle=True)
    for content in (b"", b"nothing of the kind", b"\x93NUMPY\x01"):
        (tmp_path / "table.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"table\.npy"):
            read_table(tmp_path / "table.npy", CLASSES)
    with (tmp_path / "table.npy").open("wb") as file:
        np.savez(file, VALUES)
    with pytest.raises(DataError, match="or of another kind of file"):
        read_table(tmp_path / "table.npy", CLASSES)


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.mat"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_text("ant,1\n")
    with pytest.raises(DataError, match=r"\.csv or \.npy"):
        read_table(tmp_path / name, CLASSES)


def test_a_missing_table_is_an_error(tmp_path):
    for kind in ("csv", "npy"):
        with pytest.raises(DataError, match="cannot be read: No such file"):
            read_table(tmp_path / f"none.{kind}", CLASSES)
