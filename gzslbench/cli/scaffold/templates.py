"""The files of a new method, filled in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from string import Template

SUFFIX = ".tmpl"
KINDS: Mapping[str, tuple[str, str]] = {
    "generative": ("generative", "synthesizes features of unseen classes; here a variational autoencoder"),
    "scoring": ("scoring", "scores the classes; here by distance to learned prototypes"),
    "closed-form": ("scoring", "scores the classes, solved and not trained; here by ridge regression"),
}
"""Each kind of new method with the ``kind`` of its spec, and what it does."""
TESTS = "test.py"


def rendered(folder: str, values: Mapping[str, str]) -> dict[str, str]:
    """The text of each template in ``folder`` by the name of its file."""
    there = files("gzslbench.cli.scaffold").joinpath("templates").joinpath(folder)
    return {
        each.name.removesuffix(SUFFIX): Template(each.read_text(encoding="utf-8")).substitute(values)
        for each in sorted(there.iterdir(), key=lambda each: each.name)
        if each.name.endswith(SUFFIX)
    }


def method_files(kind: str, values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The files of the package of a method of ``kind``, and the text of its test."""
    written = {**rendered("shared", values), **rendered(kind, values)}
    return written, written.pop(TESTS)
