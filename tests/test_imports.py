from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gzslbench

pytestmark = pytest.mark.acceptance

CORE = Path(gzslbench.__file__).parent
METHODS = CORE.parent / "methods"
SIBLINGS = (
    "gzslbench_methods",
    "gzslbench_features",
    "gzslbench_benchmarks",
    "methods",
    "features",
    "benchmarks",
)
HEAVY = ("torch", "scipy", "h5py", "sklearn", "matplotlib", "transformers", "sentence_transformers", "optuna")
RUN = """
import json, sys
from gzslbench.cli import main
sys.stdout = sys.stderr
try:
    main(json.loads(sys.argv[1]))
except SystemExit as end:
    assert not end.code, end.code
json.dump(sorted(sys.modules), sys.__stdout__)
"""


def modules_after(arguments: list[str]) -> set[str]:
    """The modules that a command has imported."""
    command = [sys.executable, "-c", RUN, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["methods"],
        ["methods", "--json"],
        ["methods", "ce-gzsl"],
        ["show", "--help"],
        ["data", "semantics", "--help"],
        ["leaderboard", "--help"],
        ["runs", "list", "."],
        ["tune", "--help"],
    ],
    ids=" ".join,
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    imported = modules_after(arguments)
    assert "gzslbench.cli" in imported
    assert imported.isdisjoint(HEAVY)


def test_a_run_imports_the_plugin_of_its_method_and_no_other(tmp_path: Path) -> None:
    arguments = ["run", "--method", "devise", "--dataset", "digits", "--set", "epochs=1"]
    imported = modules_after([*arguments, "--device", "cpu", "--results", str(tmp_path)])
    plugins = {module for module in imported if module.startswith("gzslbench_")}
    assert "gzslbench_methods.devise" in plugins
    packages = {".".join(module.split(".")[:2]) for module in plugins}
    others = {f"gzslbench_methods.{folder.name}" for folder in METHODS.iterdir() if folder.is_dir()}
    assert packages & others == {"gzslbench_methods.devise"}
    assert {module.partition(".")[0] for module in plugins} == {"gzslbench_methods"}


def test_listing_methods_imports_no_plugin_of_another_kind() -> None:
    imported = modules_after(["methods"])
    assert "gzslbench_methods.devise" in imported
    others = ("gzslbench_features", "gzslbench_benchmarks")
    assert not [module for module in imported if module.startswith(others)]


def imports_of(file: Path) -> set[str]:
    """The top-level names of all absolute imports in ``file``, at any depth."""
    return {name.partition(".")[0] for name in modules_imported_by(file)}


def modules_imported_by(file: Path) -> set[str]:
    """The modules of all absolute imports in ``file``, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def test_the_core_imports_none_of_its_siblings() -> None:
    files = sorted(CORE.rglob("*.py"))
    assert len(files) > 20
    guilty = {str(file): bad for file in files if (bad := imports_of(file) & set(SIBLINGS))}
    assert guilty == {}
