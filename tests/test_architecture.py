"""The structure of the core, measured from its imports and its files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

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
    "sweeps",
    "report",
    "testing",
    "api",
    "cli",
)
"""The rooms of the core, bottom to top: each imports only rooms before it."""
FACES = {"__init__", "__main__", "_version"}
MAX_LINES, MAX_ROOMS, MAX_LAYERS, MAX_FILE_LINES = 33_950, 14, 12, 400
# The features of 0.1 take 22,600 lines. The rest is for what 0.2 adds: calibration, uncertainty, controls,
# predictions, the Python API, data and results of others, and checks of all that plugins return and of what
# the system refuses.


def module_name(file: Path) -> str:
    parts = file.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(file): file for file in CORE.rglob("*.py")}


@cache
def imports_at_run_time(module: str) -> frozenset[str]:
    """The modules of the core that ``module`` imports, except those that only type checkers read."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    names = [name for node in ast.walk(tree) if id(node) not in for_types for name in imported(node)]
    return frozenset(longest_module(name) for name in names if name.split(".")[0] == "gzslbench")


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def longest_module(name: str) -> str:
    """``gzslbench.files.lock`` is a function of the module ``gzslbench.files``."""
    while name not in FILES:
        name = name.rpartition(".")[0]
    return name


def room_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def part_of(module: str) -> str:
    """A room, or a folder or file directly in a room: ``gzslbench.report.html``."""
    return ".".join(module.split(".")[:3])


def graph(name: Callable[[str], str]) -> dict[str, set[str]]:
    """Which name imports which, where ``name`` groups the modules."""
    arrows: dict[str, set[str]] = {name(module): set() for module in FILES}
    for module in FILES:
        arrows[name(module)] |= {name(other) for other in imports_at_run_time(module)} - {name(module)}
    return arrows


def lines_of(module: str) -> int:
    return len(FILES[module].read_text(encoding="utf-8").splitlines())


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(module) for module in FILES} - FACES
    assert rooms == set(LAYERS)
    assert len(rooms) <= MAX_ROOMS


def test_no_room_imports_one_above_it() -> None:
    upward = [
        f"{module} imports {other}"
        for module in sorted(FILES)
        for other in sorted(imports_at_run_time(module))
        if {room_of(module), room_of(other)} <= set(LAYERS)
        and LAYERS.index(room_of(other)) > LAYERS.index(room_of(module))
    ]
    assert upward == []


def test_the_longest_way_down_is_short() -> None:
    arrows = graph(room_of)

    @cache
    def height(room: str) -> int:
        return 1 + max((height(other) for other in arrows[room] - FACES), default=0)

    assert max(height(room) for room in LAYERS) <= MAX_LAYERS


@pytest.mark.parametrize("level", [str, part_of], ids=["modules", "parts of a room"])
def test_nothing_imports_itself_through_others(level: Callable[[str], str]) -> None:
    arrows = {name: others - {"gzslbench"} for name, others in graph(level).items()}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_core_stays_small() -> None:
    assert sum(map(lines_of, FILES)) <= MAX_LINES
    assert [module for module in FILES if lines_of(module) > MAX_FILE_LINES] == []
