"""The HTML report: a static site of stored runs. It opens from disk and needs no network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from gzslbench.errors import StoreError
from gzslbench.files import make_folder, writing
from gzslbench.plugins.method import MethodSpec
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.published import PublishedNumber
from gzslbench.runs.store import RunFolder

INDEX = "index.html"
RUNS = "runs.html"
MARK = ".gzslbench-site"
"""File that marks a folder as a report, so that the next report may replace it."""
_ELSEWHERE = "choose another folder with --out"


@dataclass(frozen=True)
class SiteContent:
    """Everything that the pages show: runs, their folders by id, installed methods by name, and notes.

    ``numbers`` are published ones of any method; ``stored`` is our H by ``last`` as it was stored, by run id.
    """

    entries: Sequence[Entry]
    folders: Mapping[str, RunFolder]
    specs: Mapping[str, MethodSpec]
    numbers: Sequence[PublishedNumber]
    stored: Mapping[str, float]
    notes: Sequence[str] = ()

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods that have a page: the installed ones, and those of runs."""
        return sorted({*self.specs, *(entry.method for entry in self.entries)})

    @property
    def pages(self) -> int:
        """Number of pages: the overview, the list of runs, and one for each method and run."""
        return 2 + len(self.methods) + len(self.entries)


def run_file(run: str) -> str:
    """Return the file of the page of the run with this id, relative to the site's root."""
    return f"runs/{_file_name(run)}.html"


def method_file(method: str) -> str:
    """Return the file of the page of the method of this name, relative to the site's root."""
    return f"methods/{_file_name(method)}.html"


def _file_name(name: str) -> str:
    """Return ``name`` if it is a plain file name, else its plain characters with its hash."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:60]
    return f"{plain}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def link(file: str, base: str) -> str:
    """Return the address of a page, as seen from one whose path to the root is ``base``: empty or ``../``."""
    return quote(f"{base}{file}")


def web_address(url: str) -> str:
    """Return ``url`` if it is a web address, else nothing, because it might run a script."""
    return url if re.match(r"https?://", url) else ""


def build_site(
    content: SiteContent, out: Path, *, figures: bool = True, step: Callable[[str], None] = lambda page: None
) -> None:
    """Write the site to ``out`` in one step and call ``step`` after each page; ``figures`` need matplotlib.

    A site that is there is replaced. A StoreError leaves ``out`` unchanged.
    """
    check_output_folder(out)
    scratch, old = (out.with_name(f".{out.name}.{what}.{os.getpid()}") for what in ("new", "old"))
    try:
        with _writing(out):
            for file, text in _files(content, figures):
                path = scratch / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode("utf-8", "replace"))
                if file.endswith(".html"):
                    step(file)
            if out.exists():
                shutil.copymode(out, scratch)
                out.rename(old)
            scratch.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        for folder in (scratch, old):
            shutil.rmtree(folder, ignore_errors=True)


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
    from gzslbench.report.html.pages import method_page, overview_page, run_page, runs_page

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
