"""A checkout of gzslbench: where it is, and its list of packages and plugins."""

from __future__ import annotations

import configparser
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

from gzslbench.errors import PluginError

SETUP = "setup.cfg"
_METHODS = "gzslbench_methods"
_GROUP = "gzslbench.methods =\n"


def find_checkout(start: Path) -> Path:
    """The top of the checkout that ``start`` lies in.

    Raises:
        PluginError: It lies in none.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        parser = configparser.ConfigParser()
        try:
            parser.read(folder / SETUP, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        if parser.get("metadata", "name", fallback=None) == "gzslbench" and (folder / "methods").is_dir():
            return folder
    raise PluginError(
        "this is no checkout of gzslbench",
        where=start.absolute(),
        fix="go to one, or begin a distribution of its own: gzslbench new plugin NAME",
    )


def with_method(setup: str, name: str, module: str) -> str:
    """The text of setup.cfg with the package and the entry point of a new method, in order.

    Raises:
        PluginError: There are no packages or entry points of methods to put them among.
    """
    package = f"{_METHODS}.{module}"
    listed = _inserted(setup, f"    {package}", lambda line: line.strip().startswith(f"{_METHODS}."))
    before, group, after = listed.partition(_GROUP)
    section = "".join(takewhile(lambda line: line[0].isspace(), after.splitlines(keepends=True)))
    entries = _inserted(section, f"    {name} = {package}", lambda line: f" = {_METHODS}." in line)
    return before + group + entries + after.removeprefix(section)


def _inserted(text: str, new: str, belongs: Callable[[str], bool]) -> str:
    lines = text.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if belongs(line)]
    if not places:
        raise PluginError(f"{SETUP} lists no methods", where=new.strip(), fix="add that line by hand")
    at = next((i for i in places if lines[i].strip() > new.strip()), places[-1] + 1)
    return "".join([*lines[:at], f"{new}\n", *lines[at:]])
