"""Create a new method from templates: names, files, and writing them all or none."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template

from gzslbench.cli.new.checkout import SETUP, add_method, find_checkout
from gzslbench.errors import PluginError, StoreError
from gzslbench.files import write_atomically
from gzslbench.plugins.registry import plugins

KINDS: Mapping[str, tuple[str, str]] = {
    "generative": ("generative", "synthesizes features of unseen classes, here by a variational autoencoder"),
    "scoring": ("scoring", "scores the classes, here by the distance to learned prototypes"),
    "closed-form": ("scoring", "scores the classes, solved without training, here by ridge regression"),
}
"""For each kind of new method: the `kind` of its spec, and what the template does."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME = 30
_SUFFIX = ".tmpl"
_TEST = "test.py"


@dataclass(frozen=True)
class Names:
    """The names that follow from the name of a method, which is lower case with hyphens."""

    name: str

    @property
    def module(self) -> str:
        """For example `my_method`."""
        return self.name.replace("-", "_")

    @property
    def cls(self) -> str:
        """For example `MyMethod`."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def title(self) -> str:
        """For example `My method`."""
        return self.name.replace("-", " ").capitalize()


def check_name(name: str) -> Names:
    """Check the name of a new method, and return the names that follow from it.

    Raises:
        PluginError: The name is not allowed, or a plugin has it.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > _MAX_NAME:
        raise PluginError(
            f"{name!r} is not a name for a method",
            where=f"lower-case letters and digits with hyphens between, at most {_MAX_NAME} characters",
            fix=f"did you mean {_propose(name)!r}?",
        )
    if name in {*plugins().methods(), *plugins().entries["methods"]}:
        raise PluginError(
            f"a method or plugin {name!r} exists",
            where="gzslbench methods",
            fix=f"choose another name, for example {f'my-{name}'[:_MAX_NAME]!r}",
        )
    return Names(name)


def _propose(name: str) -> str:
    """Return an allowed name that is similar to `name`."""
    hyphenated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()  # MyMethod: my-method
    allowed = re.sub(r"[^a-z0-9]+", "-", hyphenated).strip("-0123456789")[:_MAX_NAME].strip("-")
    return f"{allowed}-method" if keyword.iskeyword(allowed) else allowed or "method"


def new_method(name: str, kind: str, start: Path) -> list[Path]:
    """Write the folder and the test of a new method to a checkout, and list it in setup.cfg.

    Args:
        name: The method's name, lower case with hyphens.
        kind: One of `KINDS`.
        start: The checkout, or a folder in it.

    Returns:
        The files written, and setup.cfg last.

    Raises:
        PluginError: The name is not allowed or taken, there is no checkout, or it cannot be written.
    """
    names, top = check_name(name), find_checkout(start)
    folder = top / "methods" / names.module
    _check_absent(folder)
    _check_absent(folder.with_suffix(".py"))
    package, test = _method_files(kind, _values(names, kind, f"gzslbench_methods.{names.module}"))
    contents = {folder / file: text for file, text in package.items()}
    contents[top / "tests" / "methods" / f"test_{names.module}.py"] = test
    setup = top / SETUP
    write_all(contents, {setup: add_method(setup.read_text(encoding="utf-8"), name, names.module)})
    return [*contents, setup]


def new_plugin(name: str, kind: str, parent: Path) -> list[Path]:
    """Write a package with one method to the folder `gzslbench-NAME` in `parent`.

    Args:
        name: The method's name, lower case with hyphens.
        kind: One of `KINDS`.
        parent: The folder in which the new folder is created.

    Returns:
        The files written.

    Raises:
        PluginError: The name is not allowed or taken, the folder exists, or it cannot be written.
    """
    names = check_name(name)
    top = parent / f"gzslbench-{name}"
    _check_absent(top)
    values = _values(names, kind, f"gzslbench_{names.module}")
    package, test = _method_files(kind, values)
    common = _fill("plugin", values)
    contents = {
        top / "pyproject.toml": common["pyproject.toml"],
        top / "README.md": common["README.md"],
        top / ".gitignore": common["gitignore"],
        top / ".github" / "workflows" / "ci.yml": common["ci.yml"],
        **{top / "src" / values["package"] / file: text for file, text in package.items()},
        top / "tests" / "test_conformance.py": common["test_conformance.py"],
        top / "tests" / f"test_{names.module}.py": test,
    }
    write_all(contents)
    return list(contents)


def _values(names: Names, kind: str, package: str) -> dict[str, str]:
    """Return the values of the placeholders in the templates."""
    return {
        "name": names.name,
        "title": names.title,
        "cls": names.cls,
        "package": package,
        "distribution": f"gzslbench-{names.name}",
        "spec_kind": KINDS[kind][0],
        "year": str(date.today().year),
    }


def _fill(folder: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each template in `folder`, filled in, by the name of its file."""
    templates = files(__package__).joinpath("templates").joinpath(folder)
    return {
        template.name.removesuffix(_SUFFIX): Template(template.read_text(encoding="utf-8")).substitute(values)
        for template in sorted(templates.iterdir(), key=lambda template: template.name)
        if template.name.endswith(_SUFFIX)
    }


def _method_files(kind: str, values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the files of the package of a method, and the text of its test."""
    contents = {**_fill("shared", values), **_fill(kind, values)}
    return contents, contents.pop(_TEST)


def _check_absent(path: Path) -> None:
    if path.exists():
        raise PluginError("the path exists already", where=path, fix="choose another name, or move it away")


def write_all(new: Mapping[Path, str], changed: Mapping[Path, str] | None = None) -> None:
    """Write the `new` files, then the `changed` ones. If one fails, restore everything.

    Raises:
        PluginError: A new file exists already, or a file cannot be written.
    """
    changed = changed or {}
    before = {path: path.read_text(encoding="utf-8") for path in changed}
    for path in new:
        _check_absent(path)
    created: list[Path] = []
    try:
        for path, text in new.items():
            _create_folders(path.parent, created)
            created.append(path)
            path.write_text(text, encoding="utf-8")
        for path, text in changed.items():
            write_atomically(path, text.encode())
    except BaseException as error:  # Ctrl-C, too, must leave nothing half-written
        _undo(created, before)
        if isinstance(error, (OSError, StoreError)):
            raise PluginError(
                f"the files cannot be written: {error}",
                where=next(iter(new)),
                fix="choose a folder that can be written, or free some space",
            ) from error
        raise


def _create_folders(folder: Path, created: list[Path]) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir()
        created.append(parent)


def _undo(created: list[Path], before: Mapping[Path, str]) -> None:
    for path, text in before.items():
        with suppress(OSError, StoreError):
            if path.read_text(encoding="utf-8") != text:
                write_atomically(path, text.encode())
    for path in reversed(created):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
