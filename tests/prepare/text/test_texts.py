from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.text.texts import class_number, class_texts, split_words


def test_every_template_gets_the_words_of_the_name():
    found = class_texts(["001.Red_Fox", "owl"], None, ["a {}.", "the {} {x}"], "here")
    assert found == [("a Red Fox.", "the Red Fox {x}"), ("a owl.", "the owl {x}")]


def test_descriptions_without_a_template_are_not_changed():
    told = [("has {braces} and 50% ",), ("two", "three")]
    assert class_texts(["a", "b"], told, [], "here") == [("has {braces} and 50%",), ("two", "three")]
    both = class_texts(["a", "b"], told, ["{}!", "({})"], "here")
    assert both[1] == ("two!", "three!", "(two)", "(three)")


@pytest.mark.parametrize("template", ["a photo", "{} and {}", "{name}", ""])
def test_a_template_has_one_place(template):
    with pytest.raises(ParamError, match="not have exactly one"):
        class_texts(["a"], None, [template], "here")


@pytest.mark.parametrize(
    ("names", "told", "complaint"),
    [
        (["owl", "class 2"], None, "'class 2' has no name in words"),
        (["owl", "fox"], [("x",), ("y", "  ")], "a text of the class 'fox' is empty"),
    ],
)
def test_classes_without_a_text_are_refused(names, told, complaint):
    with pytest.raises(DataError, match=complaint) as caught:
        class_texts(names, told, [], "told.json")
    assert "told.json" in str(caught.value) and "to do" in str(caught.value)


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
def test_a_name_is_split_into_its_words(name, expected):
    assert split_words(name) == expected


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_splitting_words_twice_changes_nothing(name):
    once = split_words(name)
    assert not set(once) & set("+_/") and once == once.strip() and "  " not in once


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("abcXYZ-'", min_size=1), min_size=1), st.sampled_from("+_/ "))
def test_words_joined_by_any_mark_are_found_again(parts, mark):
    assert split_words(mark.join(parts)).split(" ") == parts


def test_a_number_that_no_class_has_is_a_name():
    assert class_number("9" * 5000) is None


def test_only_a_name_that_is_just_a_number_has_a_class_number():
    assert [class_number(name) for name in ("17", "class 3", " 4 ", "3D", "043.Owl", "class x")] == [
        17, 3, 4, None, None, None,
    ]  # fmt: skip
