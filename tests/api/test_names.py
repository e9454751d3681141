"""The public names: quick to import, typed, and documented."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import gzslbench as gz

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "rich", "click", "pluggy", "msgspec")
FUNCTIONS = sorted(name for name in gz.__all__ if inspect.isfunction(getattr(gz, name)))


def test_type_checkers_see_the_names_that_are_exported() -> None:
    tree = ast.parse(Path(gz.__file__).read_text(encoding="utf-8"))
    (for_types,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: f"{node.module}".removeprefix("gzslbench.")
        for node in for_types.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == gz._MODULE_OF
    assert {*seen, "__version__"} == set(gz.__all__)
    assert set(gz.__all__) <= set(dir(gz))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_typed_and_describes_its_arguments(name: str) -> None:
    function = getattr(gz, name)
    signature, text = inspect.signature(function), inspect.getdoc(function)
    assert signature.return_annotation is not inspect.Signature.empty
    described = text.partition("Args:")[2]
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert f"    {parameter.name}" in described.replace("*", ""), parameter.name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gz.trian


@pytest.mark.acceptance
def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, gzslbench; sys.exit(str([name for name in {HEAVY} if name in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""
