from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from gzslbench.prepare.build.inputs import read_table
from gzslbench.errors import DataError

CLASSES = ["ant", "bee", "cat"]
VALUES = np.arange(1, 7, dtype=np.float64).reshape(3, 2)


@pytest.fixture
def npy(tmp_path):
    def read(value, **settings):
        np.save(tmp_path / "table.npy", value, **settings)
        return read_table(tmp_path / "table.npy", CLASSES, "att")

    return read


@pytest.fixture
def mat(tmp_path):
    def read(variables, name="att"):
        savemat(tmp_path / "table.mat", variables)
        return read_table(tmp_path / "table.mat", CLASSES, name)

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
            read_table(tmp_path / "table.npy", CLASSES, "att")
    with (tmp_path / "table.npy").open("wb") as file:
        np.savez(file, VALUES)
    with pytest.raises(DataError, match="several arrays"):
        read_table(tmp_path / "table.npy", CLASSES, "att")


@pytest.mark.parametrize("variable", ["att", "semantics", "sent"])
@pytest.mark.parametrize("turned", [False, True])
def test_the_side_of_a_mat_file_that_counts_the_classes_is_theirs(mat, variable, turned):
    table = mat({variable: VALUES.T if turned else VALUES}, "sent")
    np.testing.assert_array_equal(table.values, VALUES)


def test_the_name_asked_for_comes_before_the_usual_ones(mat):
    assert mat({"att": VALUES, "sent": VALUES + 1}, "sent").values[0, 0] == 2


def test_names_of_a_mat_file_are_kept(mat):
    cells = np.array([["cat"], ["ant"], ["bée"]], dtype=object)
    assert mat({"att": VALUES.T, "allclasses_names": cells}).names == ("cat", "ant", "bée")


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"att": np.eye(3)}, "either could be the classes"),
        ({"att": VALUES[:2]}, "there are 3 class folders"),
        ({"att": VALUES, "allclasses_names": np.array([["ant"]], dtype=object)}, "has 1 names"),
        ({"atts": VALUES}, r"no variable att or semantics(.|\n)*did you mean 'atts'"),
        ({"att": "text"}, "expected a matrix"),
        ({"att": np.where(VALUES == 4, np.inf, VALUES)}, r"number 2 is inf(.|\n)*class 2"),
    ],
)
def test_what_is_wrong_in_a_mat_file_is_told(mat, variables, complaint):
    with pytest.raises(DataError, match=complaint):
        mat(variables)


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.tsv"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_text("ant,1\n")
    with pytest.raises(DataError, match=r"\.csv, \.mat or \.npy"):
        read_table(tmp_path / name, CLASSES, "att")


def test_a_file_that_is_not_there_is_told(tmp_path):
    for kind in ("csv", "mat", "npy"):
        with pytest.raises(DataError, match="cannot be read: No such file"):
            read_table(tmp_path / f"none.{kind}", CLASSES, "att")
