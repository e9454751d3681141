from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gzslbench

CORE = Path(gzslbench.__file__).parent
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
        ["tune", "--help"],
    ],
    ids=" ".join,
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-c", RUN, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    imported = set(json.loads(done.stdout))
    assert "gzslbench.cli" in imported
    assert imported.isdisjoint(HEAVY)


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
