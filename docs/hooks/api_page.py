"""The page of the Python API: `<!-- api -->` becomes a section for each public name of gzslbench."""

from __future__ import annotations

import inspect

import gzslbench

MARK = "<!-- api -->"


def insert_api(markdown: str) -> str:
    """Put every name of ``gzslbench.__all__`` into a page, functions first; mkdocstrings describes them."""
    names = [name for name in gzslbench.__all__ if not name.startswith("_")]
    functions = [name for name in names if inspect.isfunction(getattr(gzslbench, name))]
    classes = [name for name in names if name not in functions]
    options = "\n    options:\n      inherited_members: true"
    parts = [
        f"## {title}\n\n" + "\n\n".join(f"::: gzslbench.{name}{options}" for name in listed)
        for title, listed in (("Functions", functions), ("Classes", classes))
        if listed
    ]
    return markdown.replace(MARK, "\n\n".join(parts))
