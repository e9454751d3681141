"""Vectors of attributes: read from a file that fits to the semantics, part of the task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.attributes import attach_attributes, attribute_files, read_attributes, use_attributes
from gzslbench.data.dataset import Attributes, Dataset
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.errors import DataError

HEADER = "attribute,0,1\n"


@pytest.fixture
def dataset() -> Dataset:
    """Eight attributes, no vectors."""
    return replace(load_synthetic(), attributes=None)


def write(folder: Path, text: str) -> Path:
    path = folder / "latent+own.csv"
    path.write_text(text)
    return path


def test_names_and_vectors_are_read_in_the_order_of_the_columns(tmp_path: Path, dataset: Dataset) -> None:
    lines = [f'"has ""part"", {number}",{number}.5,-1e-3\n' for number in range(8)]
    write(tmp_path, HEADER + "".join(lines))
    attached = attach_attributes(dataset, "latent+own", tmp_path)
    assert attached.semantics_name == "latent+own" and attached.attributes is not None
    assert attached.attributes.names[3] == 'has "part", 3'
    expected = np.array([[number + 0.5, -1e-3] for number in range(8)], np.float32)
    np.testing.assert_array_equal(attached.attributes.vectors, expected)
    assert set(attached.files) == {"latent+own.csv"}
    assert attribute_files(tmp_path) == ["latent+own"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the first line is not a header"),
        ("class,0\na,1\n", "the first line is not a header"),
        ("attribute\na\n", "the first line is not a header"),
        (HEADER, "it has no attribute"),
        (HEADER + "a,1\n", "line 2 has 2 cells, not 3"),
        (HEADER + "a,1,2\nb,1,x\n", "could not convert string to float"),
        (HEADER + "a,1,2\nb,0,0\n", "the vector of 'b' is zero or not finite"),
        (HEADER + "a,1,nan\n", "the vector of 'a' is zero or not finite"),
        (HEADER + "a,1,1e39\n", "the vector of 'a' is zero or not finite"),
        (HEADER + "a,1,2\n", None),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, dataset: Dataset, text: str, what: str | None
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(
        DataError, match=what or "vectors of 1 attributes, but the semantics have 8 columns"
    ) as caught:
        attach_attributes(dataset, "latent+own", tmp_path)
    assert str(path) in str(caught.value) and caught.value.fix


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latent+own.csv"
    path.write_bytes(b"\x89\x00\xff" * 50)
    with pytest.raises(DataError):
        read_attributes(path)


def test_missing_vectors_are_named_with_those_that_exist(tmp_path: Path, dataset: Dataset) -> None:
    write(tmp_path, HEADER)
    with pytest.raises(DataError, match=r"no vectors of attributes 'latent\+owm'") as caught:
        attach_attributes(dataset, "latent+owm", tmp_path)
    assert "latent+own" in str(caught.value)


def test_the_task_of_a_method_that_reads_vectors_depends_on_them(dataset: Dataset) -> None:
    def content(value: float) -> str:
        vectors = Attributes(tuple("abcdefgh"), np.full((8, 2), value, np.float32))
        return use_attributes(replace(dataset, attributes=vectors), "a test").content

    assert content(1.0) == content(1.0) != content(2.0)
    with pytest.raises(DataError, match="a test needs a vector of each attribute"):
        use_attributes(dataset, "a test")
