"""Create the files of a new method from templates, in a checkout or as a package of its own."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template

from gzslbench.errors import PluginError
from gzslbench.files import atomic_folder, write_atomically, writing
from gzslbench.plugins.registry import plugins

KINDS: Mapping[str, tuple[str, str]] = {
    "generative": ("generative", "synthesizes features of unseen classes, here by a variational autoencoder"),
    "scoring": ("scoring", "scores the classes, here by the distance to learned prototypes"),
    "closed-form": ("scoring", "scores the classes, solved without training, here by ridge regression"),
}
"""For each kind of new method: the `kind` of its spec, and what the template does."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME = 30  # with longer names, lines of the filled templates become too long
_PLACES = {
    "gitignore": ".gitignore",
    "ci.yml": ".github/workflows/ci.yml",
    "test_conformance.py": "tests/test_conformance.py",
}
"""Where files of a package go that are not in its top folder."""
_CHECKOUT = "\nname = gzslbench\n"
_ELSEWHERE = "choose another folder"


def new_plugin(name: str, kind: str, parent: Path) -> list[Path]:
    """Write a package with one method to the folder `gzslbench-NAME` in `parent`, and return its files."""
    values = template_values(name, kind)
    values["package"] = package = f"gzslbench_{values['module']}"
    contents = dict(fill_templates("plugin", values))
    for place, text in (*fill_templates("shared", values), *fill_templates(kind, values)):
        test = f"tests/test_{values['module']}.py"
        contents[test if place == "test.py" else f"src/{package}/{place}"] = text
    top = parent / f"gzslbench-{name}"
    write_folder(top, contents)
    return [top / place for place in contents]


def new_method(name: str, kind: str, start: Path) -> list[Path]:
    """Write a new method and its test to the checkout that contains `start`; return the files."""
    values, top = template_values(name, kind), find_checkout(start)
    module = values["module"]
    values["package"] = f"gzslbench_methods.{module}"
    contents = dict((*fill_templates("shared", values), *fill_templates(kind, values)))
    folder, test = top / "methods" / module, top / "tests" / "methods" / f"test_{module}.py"
    _check_absent(folder.with_suffix(".py"))
    _check_absent(test)
    test_text = contents.pop("test.py")
    write_folder(folder, contents)
    try:
        test.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(test, test_text, PluginError, _ELSEWHERE)
    except BaseException:  # Ctrl-C, too, must leave nothing half-written
        shutil.rmtree(folder)
        raise
    return [*(folder / place for place in contents), test]


def template_values(name: str, kind: str) -> dict[str, str]:
    """Check the name of a new method, and return the values for the templates that follow from it."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > _MAX_NAME:
        fix = "use lower-case letters and digits with hyphens between, for example my-method;"
        fix += f" at most {_MAX_NAME} characters, and not a keyword of Python"
        raise PluginError(f"{name!r} is not a name for a method", fix=fix)
    if name in {*plugins().methods(), *plugins().entries["methods"]}:
        fix = f"choose another name, for example {f'my-{name}'[:_MAX_NAME]!r}"
        raise PluginError(f"a method or plugin {name!r} exists", where="gzslbench methods", fix=fix)
    return {
        "name": name,
        "module": name.replace("-", "_"),
        "cls": "".join(part.capitalize() for part in name.split("-")),
        "title": name.replace("-", " ").capitalize(),
        "spec_kind": KINDS[kind][0],
        "year": str(date.today().year),
    }


def fill_templates(folder: str, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each file, from the templates in `folder`."""
    templates = files(__package__).joinpath("templates").joinpath(folder).iterdir()
    for template in sorted(templates, key=lambda template: template.name):
        name, text = template.name.removesuffix(".tmpl"), Template(template.read_text(encoding="utf-8"))
        yield _PLACES.get(name, name), text.substitute(values)


def find_checkout(start: Path) -> Path:
    """Return the top folder of the checkout of gzslbench that contains `start`."""
    for folder in (start.absolute(), *start.absolute().parents):
        setup = folder / "setup.cfg"
        if (folder / "methods").is_dir() and setup.is_file() and _CHECKOUT in setup.read_text("utf-8"):
            return folder
    fix = "go to a checkout, or create a package of your own: gzslbench new plugin NAME"
    raise PluginError("this folder is not in a checkout of gzslbench", where=start.absolute(), fix=fix)


def _check_absent(path: Path) -> None:
    if path.exists():
        raise PluginError("the path exists already", where=path, fix="choose another name, or move it away")


def write_folder(folder: Path, contents: Mapping[str, str]) -> None:
    """Write a new folder with these files, by their place in it, atomically."""
    _check_absent(folder)
    with writing(folder, "the files cannot be written", PluginError, _ELSEWHERE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(folder) as scratch:
            for place, text in contents.items():
                path = scratch / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
