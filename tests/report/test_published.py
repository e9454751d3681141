from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.report.published import (
    PublishedError,
    PublishedNumber,
    published_numbers,
    published_of,
    read_published,
)

FILE = """
title = "Mine"
paper = "A, B, CVPR 2020"
shared = { semantics = "att", source = "README of a/b", verified = "seen" }

[[results]]
dataset = "CUB"
U = 50
S = 60.0
H = 54.5
T1 = 61.2

[[results]]
dataset = "CUB"
semantics = "sent"
finetuned = true
split = "ps-v2"
U = 40.0
S = 60.0
verified = "memory"
note = "H is not printed"
"""
percentages = st.floats(0, 100)


def number(**changes: object) -> PublishedNumber:
    values = dict.fromkeys(("method", "title", "source"), "mine")
    return PublishedNumber(**{**values, "dataset": "CUB", "semantics": "att", "verified": "seen", **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return path


def test_what_entries_share_is_written_once_and_an_entry_may_differ(path: Path) -> None:
    first, second = read_published(path)
    assert (first.method, first.title, first.paper) == ("mine", "Mine", "A, B, CVPR 2020")
    assert (first.U, first.S, first.H, first.T1) == (50.0, 60.0, 54.5, 61.2)
    assert (first.features, first.finetuned, first.split, first.setting) == (
        "res101",
        False,
        "unknown",
        "inductive",
    )
    assert (first.semantics, first.verified, first.label, first.note) == ("att", "seen", "", "")
    assert (second.semantics, second.verified, second.finetuned) == ("sent", "memory", True)
    assert (second.split, second.note, second.source) == ("ps-v2", "H is not printed", "README of a/b")


def test_whole_percentages_become_floats(path: Path) -> None:
    assert type(read_published(path)[0].U) is float


def test_an_h_that_is_not_printed_is_computed_but_not_stored(path: Path) -> None:
    second = read_published(path)[1]
    assert second.H is None
    assert second.harmonic == pytest.approx(48.0)
    assert second.consistent is None


@pytest.mark.parametrize(
    ("scores", "harmonic", "consistent"),
    [
        ({"U": 50.0, "S": 60.0, "H": 54.5}, 600 / 11, True),
        ({"U": 50.0, "S": 60.0, "H": 54.8}, 600 / 11, False),
        ({"U": 0.0, "S": 80.0, "H": 0.0}, 0.0, True),
        ({"U": 0.0, "S": 0.0, "H": 0.0}, 0.0, True),
        ({"H": 54.5}, None, None),
        ({"U": 50.0, "H": 54.5}, None, None),
        ({"T1": 54.5}, None, None),
    ],
)
def test_h_is_compared_with_the_harmonic_mean_where_both_are_known(
    scores: dict[str, float], harmonic: float | None, consistent: bool | None
) -> None:
    found = number(**scores)
    assert found.harmonic == (None if harmonic is None else pytest.approx(harmonic))
    assert found.consistent is consistent


@given(percentages, percentages)
def test_rounding_to_tenths_is_consistent(U: float, S: float) -> None:
    exact = 2 * U * S / (U + S) if U + S else 0.0
    assert number(U=round(U, 1), S=round(S, 1), H=round(exact, 1)).consistent


def test_a_folder_is_read_in_the_order_of_its_methods(path: Path) -> None:
    for name in ("zeta", "alpha"):
        path.with_name(f"{name}.toml").write_text(FILE)
    path.with_name("notes.txt").write_text("no TOML")
    assert [item.method for item in published_numbers(path.parent)] == [
        name for name in ("alpha", "mine", "zeta") for _ in range(2)
    ]


def test_only_the_files_of_the_method_are_read(path: Path, tmp_path: Path) -> None:
    path.with_name("other.toml").write_text("[")
    second = tmp_path / "second"
    second.mkdir()
    (second / "mine.toml").write_text(FILE)
    assert len(published_of("mine", [path.parent, second, tmp_path / "missing"])) == 4
    assert published_of("yours", [path.parent]) == ()


@pytest.mark.parametrize("name", ["mine.toml", ""])
def test_a_missing_file_or_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    missing = tmp_path / "missing" / name
    with pytest.raises(PublishedError, match="cannot be read") as caught:
        read_published(missing) if name else published_numbers(missing)
    assert str(missing) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[results]]", "[[results]", "not TOML"),
        ("title =", "titel =", "unknown field `titel`"),
        ('title = "Mine"', "", "missing required field `title`"),
        ('title = "Mine"', "title = 3", "Expected `str`, got `int`"),
        ("shared = {", "shared = 3 # {", "Expected `object`, got `int`"),
        (FILE[FILE.index("[[results]]") :], "", "missing required field `results`"),
        (FILE[FILE.index("[[results]]") :], "results = []", "of length >= 1"),
        (FILE[FILE.index("[[results]]") :], "results = [3]", "Expected `object`, got `int`"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(path: Path, old: str, new: str, words: str) -> None:
    path.write_text(FILE.replace(old, new))
    with pytest.raises(PublishedError, match=words) as caught:
        read_published(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("T1 = 61.2", "T2 = 61.2", ["unknown field `T2`"]),
        ("T1 = 61.2", 'method = "yours"', ["unknown field `method`"]),
        ("T1 = 61.2", "T1 = 0.612e3", ["<= 100", "$.T1", "in percent"]),
        ("T1 = 61.2", "T1 = -1", [">= 0", "$.T1"]),
        ("T1 = 61.2", "T1 = nan", [">= 0", "$.T1"]),
        ("T1 = 61.2", "T1 = true", ["got `bool`", "$.T1"]),
        ("T1 = 61.2", 'T1 = "61.2"', ["got `str`", "$.T1"]),
        ("T1 = 61.2", 'finetuned = "yes"', ["Expected `bool`", "$.finetuned"]),
        ("T1 = 61.2", 'label = ["a"]', ["Expected `str`", "$.label"]),
        ("T1 = 61.2", 'features = ""', ["length >= 1", "$.features"]),
        ("T1 = 61.2", 'split = "v1"', ["Invalid enum value 'v1'", "$.split"]),
        ("T1 = 61.2", 'setting = "deductive"', ["Invalid enum value 'deductive'", "$.setting"]),
        ("T1 = 61.2", 'verified = "yes"', ["Invalid enum value 'yes'", "$.verified"]),
        ('"CUB"', '"cub"', ["unknown dataset 'cub'", "did you mean 'CUB'"]),
        ('dataset = "CUB"\n', "", ["missing required field `dataset`", "entry 1 (without dataset)"]),
        ('source = "README of a/b", ', "", ["missing required field `source`"]),
        ("U = 50\nS = 60.0\nH = 54.5\nT1 = 61.2", "", ["one of U, S, H and T1 must be given"]),
    ],
)
def test_a_wrong_entry_is_refused_by_file_entry_and_field(
    path: Path, old: str, new: str, words: list[str]
) -> None:
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(PublishedError) as caught:
        read_published(path)
    assert f"{path}: entry 1 (" in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.fix


def test_a_later_entry_is_refused_by_its_own_place(path: Path) -> None:
    path.write_text(FILE.replace('split = "ps-v2"', 'split = "ps-v3"'))
    with pytest.raises(PublishedError) as caught:
        read_published(path)
    assert caught.value.where == f"{path}: entry 2 (CUB)" and "$.split" in caught.value.what
