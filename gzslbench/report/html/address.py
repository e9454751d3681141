"""Where each page lies in the site, and how to link to it."""

from __future__ import annotations

import re
from hashlib import sha256
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
INDEX = "index.html"
RUNS = "runs.html"


def run_page(run: str) -> str:
    """The page of the run with this id."""
    return f"runs/{_file_name(run)}.html"


def method_page(method: str) -> str:
    """The page of the method of this name."""
    return f"methods/{_file_name(method)}.html"


def link(page: str, base: str) -> str:
    """The address of a page, from one whose way to the site's root is ``base``: empty, or ``../``."""
    return quote(f"{base}{page}")


def web_address(url: str) -> str:
    """``url`` if it leads to the web; nothing for any other, such as one that would run a script."""
    return url if re.match(r"https?://", url) else ""


def _file_name(name: str) -> str:
    """``name`` where it is plain, which no two share; else what is plain of it, with its hash."""
    if _PLAIN.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:60]
    return f"{plain}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
