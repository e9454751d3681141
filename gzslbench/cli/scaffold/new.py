"""Beginning a method: in a checkout of gzslbench, or in a distribution of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gzslbench.cli.scaffold.checkout import SETUP, find_checkout, with_method
from gzslbench.cli.scaffold.naming import Naming, naming
from gzslbench.cli.scaffold.templates import KINDS, method_files, rendered
from gzslbench.cli.scaffold.writing import write_all
from gzslbench.errors import PluginError


def new_method(name: str, kind: str, inside: Path) -> list[Path]:
    """Write the folder and the test of a new method to the checkout around ``inside``; setup.cfg lists it.

    Args:
        name: In lower case with hyphens.
        kind: One of ``KINDS``.
        inside: The checkout, or a folder in it.

    Returns:
        The files written and changed, setup.cfg last.

    Raises:
        PluginError: The name is none or taken, or this is no checkout, or it cannot be written.
    """
    names, top = naming(name), find_checkout(inside)
    folder = top / "methods" / names.module
    _demand_new(folder)
    _demand_new(folder.with_suffix(".py"))
    package, test = method_files(kind, _values(names, kind, f"gzslbench_methods.{names.module}"))
    fresh = {folder / file: text for file, text in package.items()}
    fresh[top / "tests" / "methods" / f"test_{names.module}.py"] = test
    setup = top / SETUP
    write_all(fresh, {setup: with_method(setup.read_text(encoding="utf-8"), name, names.module)})
    return [*fresh, setup]


def new_plugin(name: str, kind: str, inside: Path) -> list[Path]:
    """Write a distribution ``gzslbench-NAME`` with one method to a folder of that name in ``inside``.

    Args:
        name: In lower case with hyphens.
        kind: One of ``KINDS``.
        inside: Where the folder is made.

    Returns:
        The files written.

    Raises:
        PluginError: The name is none or taken, the folder is there already, or it cannot be written.
    """
    names = naming(name)
    top = inside / f"gzslbench-{name}"
    _demand_new(top)
    values = _values(names, kind, f"gzslbench_{names.module}")
    package, test = method_files(kind, values)
    around = rendered("plugin", values)
    fresh = {
        top / "pyproject.toml": around["pyproject.toml"],
        top / "README.md": around["README.md"],
        top / ".gitignore": around["gitignore"],
        top / ".github" / "workflows" / "ci.yml": around["ci.yml"],
        **{top / "src" / values["package"] / file: text for file, text in package.items()},
        top / "tests" / "test_conformance.py": around["test_conformance.py"],
        top / "tests" / f"test_{names.module}.py": test,
    }
    write_all(fresh)
    return list(fresh)


def _values(names: Naming, kind: str, package: str) -> dict[str, str]:
    return {
        "name": names.name,
        "title": names.title,
        "cls": names.cls,
        "package": package,
        "distribution": f"gzslbench-{names.name}",
        "spec_kind": KINDS[kind][0],
        "year": str(date.today().year),
    }


def _demand_new(path: Path) -> None:
    if path.exists():
        raise PluginError("it is there already", where=path, fix="choose another name, or move it away")
