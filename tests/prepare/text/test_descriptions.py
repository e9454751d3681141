from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.prepare.text.texts import match_descriptions, read_descriptions

NAMES = ("001.Red_Fox", "blue+whale", "honey_bee")
NUMBERS = ("class 1", "class 2", "class 3")


def written(tmp_path, content, name="told.json"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def complaint(call, *arguments) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return str(caught.value)


def test_json_has_a_text_or_a_list_of_texts_for_each_class(tmp_path):
    path = written(tmp_path, json.dumps({"b": "one", "a": ["two", "three"]}))
    assert read_descriptions(path) == {"b": ("one",), "a": ("two", "three")}


def test_csv_has_one_text_per_line_and_a_class_may_have_several(tmp_path):
    path = written(tmp_path, '\ufeffnote,text,class\nx,"one, two",b\ny,three,a\nz,four,b\n', "told.CSV")
    assert read_descriptions(path) == {"b": ("one, two", "four"), "a": ("three",)}


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1)


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.text("abc d", min_size=1).map(str.strip).filter(bool), st.lists(texts, min_size=1), min_size=1
    )
)
def test_json_and_csv_give_the_same_descriptions(tmp_path_factory, told):
    folder = tmp_path_factory.mktemp("told")
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(("class", "text"))
    writer.writerows((name, text) for name, each in told.items() for text in each)
    expected = {name: tuple(each) for name, each in told.items()}
    assert read_descriptions(written(folder, lines.getvalue(), "told.csv")) == expected
    assert read_descriptions(written(folder, json.dumps(told))) == expected


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", "{", "not a file of descriptions"),
        ("a.json", "[1]", "does not contain an object"),
        ("a.json", "{}", "describes no class"),
        ("a.json", '{"a": 3}', "'a' is not a text"),
        ("a.json", '{"a": []}', "'a' is not a text"),
        ("a.json", '{"a": "x", "a": "y"}', "'a' is repeated"),
        ("a.json", "[" * 100_000, "not a file of descriptions"),
        ("a.json", b"\xff\xfe", "not UTF-8"),
        ("a.csv", "name,text\n1,x\n", "columns class and text are missing"),
        ("a.csv", "", "columns class and text are missing"),
        ("a.csv", "class,text\na,red, with wings\n", "line 2"),
        ("a.csv", "class,text\na\n", "line 2"),
        ("a.csv", 'class,text\na,"open\n', "not a line of CSV"),
        ("a.csv", "class,text\n", "describes no class"),
    ],
)
def test_an_invalid_file_is_named(tmp_path, name, content, told):
    path = written(tmp_path, content, name)
    said = complaint(read_descriptions, path)
    assert told in said and str(path) in said and "to do" in said
    assert "cannot be read" in complaint(read_descriptions, tmp_path / "none.json")


def test_a_class_is_described_by_its_name_its_words_or_its_number(tmp_path):
    told = {"honey bee": ("c",), "RED FOX": ("a",), "blue+whale": ("b",)}
    assert match_descriptions(told, NAMES, tmp_path) == [("a",), ("b",), ("c",)]
    assert match_descriptions({"3": ("c",), "01": ("a",), "class 2": ("b",)}, NUMBERS, tmp_path) == [
        ("a",),
        ("b",),
        ("c",),
    ]


def test_a_number_does_not_match_a_class_with_a_name(tmp_path):
    said = complaint(match_descriptions, {"1": ("a",), "2": ("b",), "3": ("c",)}, NAMES, tmp_path)
    assert "3 descriptions belong to no class" in said and "'1', '2', '3'" in said


def test_an_unknown_class_is_reported_with_the_nearest_one_without_description(tmp_path):
    said = complaint(
        match_descriptions, {"red fox": ("a",), "honey bee": ("c",), "blu whale": ("b",)}, NAMES, tmp_path
    )
    assert "'blu whale'" in said and "did you mean 'blue+whale'?" in said


def test_missing_classes_are_named_and_not_too_many(tmp_path):
    assert "2 of 3 classes have no description: 'blue+whale', 'honey_bee'" in complaint(
        match_descriptions, {"red fox": ("a",)}, NAMES, tmp_path
    )
    many = [f"bird {letter}" for letter in "abcdefghij"]
    assert "and 4 more" in complaint(match_descriptions, {"bird a": ("a",)}, many, tmp_path)


def test_ambiguous_descriptions_are_refused(tmp_path):
    assert "the same class" in complaint(
        match_descriptions, {"red fox": ("a",), "Red_Fox": ("b",)}, NAMES, tmp_path
    )
    twins = ("1.Crow", "2.Crow")
    assert "belong to no class" in complaint(match_descriptions, {"crow": ("a",)}, twins, tmp_path)
    assert match_descriptions({"2.Crow": ("b",), "1.Crow": ("a",)}, twins, tmp_path) == [("a",), ("b",)]
