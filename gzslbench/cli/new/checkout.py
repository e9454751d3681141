"""Find a checkout of gzslbench, and list a new method in its setup.cfg."""

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
    """Return the top folder of the checkout that contains `start`.

    Raises:
        PluginError: `start` is not in a checkout.
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
        "this folder is not in a checkout of gzslbench",
        where=start.absolute(),
        fix="go to a checkout, or create a package of your own: gzslbench new plugin NAME",
    )


def add_method(setup: str, name: str, module: str) -> str:
    """Return the text of setup.cfg with the package and the entry point of a new method, in order.

    Raises:
        PluginError: The text lists no packages or entry points of methods.
    """
    package = f"{_METHODS}.{module}"
    listed = _insert(setup, f"    {package}", lambda line: line.strip().startswith(f"{_METHODS}."))
    before, group, after = listed.partition(_GROUP)
    section = "".join(takewhile(lambda line: line[0].isspace(), after.splitlines(keepends=True)))
    entries = _insert(section, f"    {name} = {package}", lambda line: f" = {_METHODS}." in line)
    return before + group + entries + after.removeprefix(section)


def _insert(text: str, new: str, belongs: Callable[[str], bool]) -> str:
    """Insert the line `new` in alphabetical order among the lines that `belongs` selects."""
    lines = text.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if belongs(line)]
    if not places:
        raise PluginError(f"{SETUP} lists no methods", where=new.strip(), fix="add this line by hand")
    at = next((i for i in places if lines[i].strip() > new.strip()), places[-1] + 1)
    return "".join([*lines[:at], f"{new}\n", *lines[at:]])
