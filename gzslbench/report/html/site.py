"""The HTML report: a static site of stored runs. It opens from disk and needs no network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import atomic_folder, make_folder, writing
from gzslbench.report.html.pages import (
    INDEX,
    RUNS,
    SiteContent,
    method_file,
    method_page,
    overview_page,
    run_file,
    run_page,
    runs_page,
)

MARK = ".gzslbench-site"
"""File that marks a folder as a report, so that the next report may replace it."""
_ELSEWHERE = "choose another folder with --out"


def build_site(
    content: SiteContent, out: Path, *, figures: bool = True, step: Callable[[str], None] = lambda page: None
) -> None:
    """Write the site to ``out`` in one step; call ``step`` after each page; ``figures`` need matplotlib."""
    check_output_folder(out)
    with _writing(out), atomic_folder(out) as scratch:
        for file, text in _files(content, figures):
            path = scratch / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "replace"))
            if file.endswith(".html"):
                step(file)
        if out.exists():
            shutil.copymode(out, scratch)


def check_output_folder(out: Path) -> None:
    """Raise a StoreError unless ``out`` is a site or an empty or missing folder, and can be written."""
    with _writing(out):
        if out == Path.cwd():
            raise StoreError("the current folder cannot be replaced", where=out, fix=_ELSEWHERE)
        if out.exists() and not out.is_dir():
            raise StoreError("it is a file, not a folder", where=out, fix=_ELSEWHERE)
        if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
            raise StoreError("the folder contains other files", where=out, fix=_ELSEWHERE)
        make_folder(out.parent)


def _writing(out: Path) -> AbstractContextManager[None]:
    return writing(out, "the report cannot be written", elsewhere=_ELSEWHERE)


def _files(content: SiteContent, figures: bool) -> Iterator[tuple[str, str]]:
    """Return the path and the text of every file of the site."""
    yield MARK, "A report of gzslbench; the next one replaces this folder.\n"
    for name in ("site.css", "site.js"):
        asset = files("gzslbench.report.html") / "assets" / name
        yield f"assets/{name}", asset.read_text(encoding="utf-8")
    yield INDEX, overview_page(content, figures)
    yield RUNS, runs_page(content)
    for name in content.methods:
        yield method_file(name), method_page(name, content)
    for entry in content.entries:
        run = entry.summary.id
        yield run_file(run), run_page(entry, content.folders[run], figures)
