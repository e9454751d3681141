"""Vectors of attributes from their names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.attributes import read_attributes
from gzslbench.errors import DataError
from gzslbench.prepare.text.attributes import (
    build_attributes,
    read_attribute_names,
    read_word_vectors,
    words_of,
)
from gzslbench.prepare.text.build import Basis

NAMES = ["has_bill_shape::hooked", "has_wing_color::blue", "has_back_color::blue"]


@pytest.fixture
def basis(tmp_path: Path) -> Basis:
    (tmp_path / "attributes.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(NAMES, 1)))
    return Basis(tmp_path, "att", ("crow", "jay"), tmp_path / "att_splits.mat", len(NAMES))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("has_bill_shape::curved_(up_or_down)", ["bill", "shape", "curved", "up", "or", "down"]),
        ("long-leg", ["long", "leg"]),
        ("Größe", ["größe"]),
        ("has", ["has"]),
        ("42", []),
    ],
)
def test_a_name_becomes_its_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    "text", ["1 black\n2 white\n", "    1\tblack\n    2\twhite\n", "black\n\nwhite\n", "1. black\r\n2. white"]
)
def test_names_are_read_from_the_published_forms(tmp_path: Path, text: str) -> None:
    path = tmp_path / "predicates.txt"
    path.write_text(text)
    assert read_attribute_names(path, 2) == ["black", "white"]
    with pytest.raises(DataError, match="2 names of attributes, but the semantics have 3 columns"):
        read_attribute_names(path, 3)


def test_words_are_weighted_by_how_rare_they_are(basis: Basis) -> None:
    path, provenance = build_attributes(basis, "words", "words", None, "cpu")  # type: ignore[arg-type]
    assert path.name == "att+words.csv" and provenance["encoder"] == "words"
    assert json.loads(path.with_suffix(".json").read_text()) == provenance
    found = read_attributes(path)
    assert found.names == tuple(NAMES)
    # By the formula of scikit-learn's documentation: idf = ln((1 + n) / (1 + df)) + 1, rows of length 1.
    idf = {count: math.log(4 / (1 + count)) + 1 for count in (1, 2)}
    second = np.array([idf[1], idf[2], idf[2]]) / math.sqrt(idf[1] ** 2 + 2 * idf[2] ** 2)
    np.testing.assert_allclose(sorted(found.vectors[1])[-3:], sorted(second), rtol=1e-6)
    shared = float(found.vectors[1] @ found.vectors[2])
    assert shared == pytest.approx(2 * second[1] ** 2, rel=1e-6)
    assert float(found.vectors[0] @ found.vectors[1]) == 0


def test_word_vectors_are_averaged_and_unknown_words_named(basis: Basis, tmp_path: Path) -> None:
    glove = tmp_path / "glove.txt"
    glove.write_text("the 9 9\nbill 1 0\nhooked 0 3\nwing 2 2\nblue 0 1\nback 4 0\n")
    path, provenance = build_attributes(basis, "glove", str(glove), None, "cpu")  # type: ignore[arg-type]
    assert provenance["unknown_words"] == ["color", "shape"]
    np.testing.assert_allclose(read_attributes(path).vectors, [[0.5, 1.5], [1, 1.5], [2, 0.5]])


def test_an_attribute_without_a_known_word_is_refused_and_nothing_written(
    basis: Basis, tmp_path: Path
) -> None:
    glove = tmp_path / "glove.txt"
    glove.write_text("blue 0 1\n")
    with pytest.raises(DataError, match="'has_bill_shape::hooked' has no vector"):
        build_attributes(basis, "glove", str(glove), None, "cpu")  # type: ignore[arg-type]
    assert not (tmp_path / "att+glove.csv").exists()


@pytest.mark.parametrize("text", ["blue 0 x\n", "blue\n", "blue 1 2\nbill 1 2 3\n"])
def test_damaged_word_vectors_are_refused_by_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "glove.txt"
    path.write_text(text)
    with pytest.raises(DataError, match="line"):
        read_word_vectors(path, {"blue", "bill"})


def test_missing_names_are_explained(basis: Basis, tmp_path: Path) -> None:
    (tmp_path / "attributes.txt").unlink()
    with pytest.raises(DataError, match="the names of the attributes are not there") as caught:
        build_attributes(basis, "words", "words", None, "cpu")  # type: ignore[arg-type]
    assert "--attributes" in str(caught.value)
