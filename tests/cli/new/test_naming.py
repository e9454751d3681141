from __future__ import annotations

import pytest

from gzslbench.cli.new.scaffold import template_values
from gzslbench.errors import PluginError


def test_package_class_and_title_follow_from_the_name() -> None:
    values = template_values("my-2nd-method", "scoring")
    names = (values["module"], values["cls"], values["title"])
    assert names == ("my_2nd_method", "My2ndMethod", "My 2nd method")


@pytest.mark.parametrize(
    "name", ["My_Method", "my method!", "-x", "3d-gan", "class", "", "../up", "a" * 31, "\u00fcmlaut"]
)
def test_a_bad_name_is_refused_and_the_rule_is_explained(name) -> None:
    with pytest.raises(PluginError) as error:
        template_values(name, "scoring")
    assert "for example my-method" in error.value.fix


@pytest.mark.parametrize("name", ["ce-gzsl", "eszsl"])
def test_a_name_that_a_method_has_is_refused(name) -> None:
    with pytest.raises(PluginError, match="a method or plugin"):
        template_values(name, "scoring")
