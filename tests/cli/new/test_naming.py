from __future__ import annotations

import pytest

from gzslbench.cli.new.scaffold import check_name
from gzslbench.errors import PluginError


def test_package_class_and_title_follow_from_the_name() -> None:
    names = check_name("my-2nd-method")
    assert (names.module, names.cls, names.title) == ("my_2nd_method", "My2ndMethod", "My 2nd method")


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("My_Method", "my-method"),
        ("MyMethod", "my-method"),
        ("my method!", "my-method"),
        ("-x", "x"),
        ("3d-gan", "d-gan"),
        ("class", "class-method"),
        ("", "method"),
        ("../up", "up"),
        ("a" * 31, "a" * 30),
        ("ümlaut", "mlaut"),
    ],
)
def test_what_is_no_name_is_answered_with_one_that_is(name, proposed) -> None:
    with pytest.raises(PluginError) as error:
        check_name(name)
    assert error.value.fix == f"did you mean {proposed!r}?"
    assert check_name(proposed).name == proposed


@pytest.mark.parametrize("name", ["ce-gzsl", "eszsl"])
def test_a_name_that_a_method_has_is_refused(name) -> None:
    with pytest.raises(PluginError, match="a method or plugin"):
        check_name(name)
