"""The HTML report: a static site of stored runs. It opens from disk and needs no network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from gzslbench.errors import StoreError
from gzslbench.plugins.method import MethodSpec
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.published import PublishedNumber
from gzslbench.runs.store import RunFolder

INDEX = "index.html"
RUNS = "runs.html"
MARK = ".gzslbench-site"
"""File that marks a folder as a report, so that the next report may replace it."""
ASSETS = ("site.css", "site.js")
_ANOTHER = "choose another folder with --out"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class SiteContent:
    """Everything that the pages show.

    Attributes:
        entries: The runs.
        folders: By run id, where its files are.
        specs: The installed methods, by name.
        numbers: Published numbers of any method.
        stored: By run id, our H by ``last`` as it was stored.
        notes: What is left out, and why.
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


def link(file: str, base: str) -> str:
    """Return the address of a page, as seen from one whose path to the root is ``base``: empty or ``../``."""
    return quote(f"{base}{file}")


def web_address(url: str) -> str:
    """Return ``url`` if it is a web address, else nothing, for it might run a script."""
    return url if re.match(r"https?://", url) else ""


def _file_name(name: str) -> str:
    """Return ``name`` if it is a plain file name, else its plain characters with its hash."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:60]
    return f"{plain}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def build_site(
    content: SiteContent, out: Path, *, figures: bool = True, step: Callable[[str], None] = lambda page: None
) -> None:
    """Write the site to ``out`` in one step; a site that is there is replaced, another folder is not.

    Args:
        content: What it shows.
        out: Its folder.
        figures: Whether pages have figures, which needs matplotlib.
        step: Called with each page after it is written.

    Raises:
        StoreError: ``out`` contains something else, or cannot be written; it is then unchanged.
    """
    check_output_folder(out)
    scratch, old = (out.with_name(f".{out.name}.{what}.{os.getpid()}") for what in ("new", "old"))
    try:
        assets = files("gzslbench.report.html") / "assets"
        _write(scratch, ((f"assets/{name}", (assets / name).read_text(encoding="utf-8")) for name in ASSETS))
        for page, text in _pages(content, figures):
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


def check_output_folder(out: Path) -> None:
    """Refuse an ``out`` that contains something other than a site, or that cannot be written.

    Raises:
        StoreError: It does, or it cannot.
    """
    if out == Path.cwd():
        raise StoreError("the current folder cannot be replaced", where=out, fix=_ANOTHER)
    try:
        if out.is_dir():
            if any(out.iterdir()) and not (out / MARK).exists():
                raise StoreError("the folder contains other files", where=out, fix=_ANOTHER)
        elif out.exists():
            raise StoreError("it is a file, not a folder", where=out, fix=_ANOTHER)
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.probe.{os.getpid()}")
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise _cannot_write(out, error) from error


def _pages(content: SiteContent, figures: bool) -> Iterator[tuple[str, str]]:
    from gzslbench.report.html.pages import method_page, overview_page, run_page, runs_page

    yield INDEX, overview_page(content, figures)
    yield RUNS, runs_page(content)
    for name in content.methods:
        yield method_file(name), method_page(name, content)
    for entry in content.entries:
        run = entry.summary.id
        yield run_file(run), run_page(entry, content.folders[run], figures)


def _write(root: Path, texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "replace"))


def _cannot_write(out: Path, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"the report cannot be written: {reason}", where=out, fix=_ANOTHER)
