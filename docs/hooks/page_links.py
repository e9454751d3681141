"""Pages made from files outside docs/, and links between pages."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "benchmarks/speed/README.md": "speed-programs.md",
}
"""From a file of the repository to its page; method_pages.py adds the pages of the methods."""
FOLDERS = {"methods": "methods/index.md"}
"""From a folder to the page that lists what is in it."""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(^ *```.*?^ *```|`[^`\n]*`|<!--.*?-->)", re.DOTALL | re.MULTILINE)


def read_pages() -> dict[str, str]:
    """Return the text of every page in PAGES, by its place in the site."""
    return {uri: (ROOT / source).read_text(encoding="utf-8") for source, uri in PAGES.items()}


def move_links(markdown: str, uri: str) -> str:
    """Let every relative link of the page at ``uri`` lead to a page instead of a file."""
    sources = {place: source for source, place in PAGES.items()}
    source = sources.get(uri, f"docs/{uri}")
    parts = _CODE.split(markdown)
    return "".join(
        part if number % 2 else _LINK.sub(lambda found: _link(found, source, uri), part)
        for number, part in enumerate(parts)
    )


def _link(found: re.Match[str], source: str, uri: str) -> str:
    """Return the link of a page; a file that has no page is named instead of linked."""
    mark, text, address = found.groups()
    path, hash_, anchor = address.partition("#")
    if not path or re.match(r"[a-z]+:", address):
        return found.group()
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    place = PAGES.get(target) or PAGES.get(f"{target}/README.md") or FOLDERS.get(target)
    if place is None and target.startswith("docs/"):
        place = target.removeprefix("docs/")
        if not uri.startswith("notebooks/"):  # the page of a notebook links to the file itself
            place = re.sub(r"\.ipynb$", ".md", place)
    if place is None:
        if not (ROOT / target).exists():
            return found.group()  # mkdocs reports it
        return text if target in text else f"{text} (`{target}`)"
    return f"{mark}[{text}]({posixpath.relpath(place, posixpath.dirname(uri) or '.')}{hash_}{anchor})"
