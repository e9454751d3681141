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


@pytest.mark.acceptance
def test_strict_type_checkers_know_what_the_functions_return(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    expected = {
        'gz.load("digits").train.features.shape': "builtins.tuple[Any, ...]",
        'gz.run("eszsl", "digits", seeds=[1], params={"alpha": 1})': "gzslbench.api.run.RunResult",
        'gz.run("eszsl", "digits").metrics.H': "builtins.float",
        'gz.results("results").latest': "gzslbench.api.run.RunResult",
        'gz.leaderboard("results", calibrated=True).to_latex()': "builtins.str",
        'gz.methods("eszsl")': "gzslbench.api.methods.MethodDescription",
        "gz.methods()": "gzslbench.api.methods.Methods",
        'gz.check("eszsl").passed': "builtins.bool",
        'gz.sweep("digits").complete': "builtins.bool",
        'gz.build("x", semantics="s.csv", images="photos", unseen=["owl"])': "pathlib.Path",
    }
    program = tmp_path / "program.py"
    program.write_text("import gzslbench as gz\n" + "".join(f"reveal_type({line})\n" for line in expected))
    options = ["--strict", "--config-file", "", "--ignore-missing-imports", "--follow-imports", "silent"]
    command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(tmp_path), str(program)]
    done = subprocess.run(command, cwd=Path(gz.__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    revealed = [line.partition('Revealed type is "')[2] for line in done.stdout.splitlines()]
    for name, found in zip(expected.values(), filter(None, revealed), strict=True):
        assert name.rpartition(".")[2].partition("[")[0] in found, done.stdout
