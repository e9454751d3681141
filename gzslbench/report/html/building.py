"""Writing a site, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.report.html.address import INDEX, RUNS
from gzslbench.report.html.address import method_page as method_file
from gzslbench.report.html.address import run_page as run_file
from gzslbench.report.html.content import Content
from gzslbench.report.html.method import method_page
from gzslbench.report.html.overview import overview_page, runs_page
from gzslbench.report.html.run import run_page

MARK = ".gzslbench-site"
ASSETS = ("site.css", "site.js")
Step = Callable[[str], None]


def build_site(content: Content, out: Path, *, drawn: bool = True, step: Step = lambda page: None) -> None:
    """Write the site of ``content`` to ``out``; a site that is there is replaced, other folders are not.

    Args:
        content: What it shows.
        out: Its folder.
        drawn: Whether pages have figures, which takes matplotlib.
        step: Told of each page once it is written.

    Raises:
        StoreError: ``out`` holds something else, or cannot be written; what was there is still there.
    """
    check_place(out)
    scratch, old = (out.with_name(f".{out.name}.{what}.{os.getpid()}") for what in ("new", "old"))
    try:
        _write(scratch, _assets())
        for page, text in _pages(content, drawn):
            _write(scratch, [(page, text)])
            step(page)
        (scratch / MARK).write_text("A report of gzslbench; the next one replaces this folder.\n")
        if out.exists():
            shutil.copymode(out, scratch)
            out.rename(old)
        scratch.rename(out)
    except OSError as error:
        raise _cannot_write(out, error) from error
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        for left in (scratch, old):
            shutil.rmtree(left, ignore_errors=True)


def check_place(out: Path) -> None:
    """Refuse an ``out`` that holds something other than a site, or that cannot be made.

    Raises:
        StoreError: It does, or cannot.
    """
    if out == Path.cwd():
        raise StoreError(
            "the folder you are in cannot be replaced", where=out, fix="choose another with --out"
        )
    try:
        if out.is_dir():
            if any(out.iterdir()) and not (out / MARK).exists():
                raise StoreError("the folder holds other files", where=out, fix="choose another with --out")
        elif out.exists():
            raise StoreError("a file is in the way", where=out, fix="choose another folder with --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.probe.{os.getpid()}")
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise _cannot_write(out, error) from error


def _assets() -> Iterator[tuple[str, str]]:
    for name in ASSETS:
        asset = files("gzslbench.report.html") / "assets" / name
        yield f"assets/{name}", asset.read_text(encoding="utf-8")


def _pages(content: Content, drawn: bool) -> Iterator[tuple[str, str]]:
    yield INDEX, overview_page(content, drawn)
    yield RUNS, runs_page(content)
    for name in content.methods:
        yield method_file(name), method_page(name, content)
    for entry in content.entries:
        run = entry.summary.id
        yield run_file(run), run_page(entry, content.folders[run], drawn)


def _write(root: Path, texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "replace"))


def _cannot_write(out: Path, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"the report cannot be written: {reason}", where=out, fix="choose another with --out")
