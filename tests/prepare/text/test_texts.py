from __future__ import annotations

import pytest

from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.text.texts import class_texts, fingerprint


def test_names_stand_in_every_template_as_words():
    found = class_texts(["001.Red_Fox", "owl"], None, ["a {}.", "the {} {x}"], "here")
    assert found == [("a Red Fox.", "the Red Fox {x}"), ("a owl.", "the owl {x}")]


def test_descriptions_without_a_template_are_taken_as_they_are():
    told = [("has {braces} and 50% ",), ("two", "three")]
    assert class_texts(["a", "b"], told, [], "here") == [("has {braces} and 50%",), ("two", "three")]
    both = class_texts(["a", "b"], told, ["{}!", "({})"], "here")
    assert both[1] == ("two!", "three!", "(two)", "(three)")


@pytest.mark.parametrize("template", ["a photo", "{} and {}", "{name}", ""])
def test_a_template_has_one_place(template):
    with pytest.raises(ParamError, match="no single"):
        class_texts(["a"], None, [template], "here")


@pytest.mark.parametrize(
    ("names", "told", "complaint"),
    [
        (["owl", "class 2"], None, "'class 2' has no name in words"),
        (["owl", "fox"], [("x",), ("y", "  ")], "a text of the class 'fox' is empty"),
        (["1.Crow", "owl", "2.Crow"], None, "'1.Crow' and '2.Crow' have the same text: 'Crow'"),
        (["owl", "fox"], [("x", "y"), ("y", "x")], "'owl' and 'fox' have the same text"),
    ],
)
def test_classes_that_no_text_tells_of_or_apart_are_refused(names, told, complaint):
    with pytest.raises(DataError, match=complaint) as caught:
        class_texts(names, told, [], "told.json")
    assert "told.json" in str(caught.value) and "to do" in str(caught.value)


def test_the_fingerprint_changes_with_any_text_and_its_class():
    texts = [("a", "b"), ("c",)]
    others = [[("a",), ("b", "c")], [("a", "b"), ("d",)], [("c",), ("a", "b")]]
    assert len({fingerprint(each) for each in [texts, *others]}) == 4
    assert fingerprint(texts) == fingerprint([("a", "b"), ("c",)])
