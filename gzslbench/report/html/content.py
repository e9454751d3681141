"""What the report shows, and the addresses of its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from urllib.parse import quote

from gzslbench.plugins.method import MethodSpec
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.published import PublishedNumber
from gzslbench.runs.store import RunFolder

INDEX = "index.html"
RUNS = "runs.html"


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
