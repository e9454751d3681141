from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.prepare.text.words import number, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("043.Yellow_bellied_Flycatcher", "Yellow bellied Flycatcher"),
        ("blue+whale", "blue whale"),
        ("temple_south_asia", "temple south asia"),
        ("021.Eastern_Towhee ", "Eastern Towhee"),
        ("Chuck_will_Widow", "Chuck will Widow"),
        ("hard-leaved pocket orchid", "hard-leaved pocket orchid"),
        ("7_eleven", "7 eleven"),
        ("a/abbey", "a abbey"),
        ("__x__", "x"),
        ("class 17", ""),
        ("class_017", ""),
        ("class room", "class room"),
        ("17", ""),
        ("017.", ""),
        ("", ""),
    ],
)
def test_a_name_becomes_the_words_in_it(name, expected):
    assert words(name) == expected


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_words_of_words_are_the_same_and_hold_no_mark_between_words(name):
    once = words(name)
    assert not set(once) & set("+_/") and once == once.strip() and "  " not in once


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("abcXYZ-'", min_size=1), min_size=1), st.sampled_from("+_/ "))
def test_words_joined_by_any_mark_are_found_again(parts, mark):
    assert words(mark.join(parts)).split(" ") == parts


def test_only_a_name_that_is_no_more_than_a_number_has_one():
    assert [number(name) for name in ("17", "class 3", " 4 ", "3D", "043.Owl", "class x")] == [
        17, 3, 4, None, None, None,
    ]  # fmt: skip
