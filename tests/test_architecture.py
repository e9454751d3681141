"""The structure of the core, measured from its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gzslbench

CORE = Path(gzslbench.__file__).parent
LAYERS = (
    "errors",
    "files",
    "plugins",
    "computing",
    "data",
    "training",
    "evaluation",
    "prepare",
    "runs",
    "sweep",
    "report",
    "testing",
    "cli",
)
"""The rooms of the core, bottom to top: each imports only rooms before it."""
FACES = {"__init__", "__main__", "_version"}


def imports_at_run_time(file: Path) -> Iterator[str]:
    """The modules of the core that ``file`` imports, except those that only type checkers read."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("gzslbench."))
        elif isinstance(node, ast.ImportFrom) and node.module == "gzslbench":
            yield from (f"gzslbench.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gzslbench."):
            yield str(node.module)


def room_of(file: Path) -> str:
    """The first folder of ``file`` below the core, or its own name."""
    return file.relative_to(CORE).parts[0].removesuffix(".py")


def test_every_room_has_a_layer() -> None:
    assert {room_of(file) for file in CORE.rglob("*.py")} - FACES == set(LAYERS)


def test_no_room_imports_one_above_it() -> None:
    upward = [
        f"{file.relative_to(CORE)} imports {module}"
        for file in sorted(CORE.rglob("*.py"))
        if (room := room_of(file)) in LAYERS
        for module in imports_at_run_time(file)
        if (other := module.split(".")[1]) in LAYERS and LAYERS.index(other) > LAYERS.index(room)
    ]
    assert upward == []
