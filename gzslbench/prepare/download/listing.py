"""The files that were unpacked of an archive, with their sha256, as ``sha256sum --check`` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import DataError
from gzslbench.files import is_there, reading
from gzslbench.prepare.download.disk import write_text
from gzslbench.prepare.download.watcher import Watcher

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_listing(path: Path, root: Path, sums: Mapping[Path, str]) -> None:
    """Note files below ``root`` and their sha256.

    Raises:
        DataError: It cannot be written.
    """
    lines = sorted(f"{sha256}  {file.relative_to(root).as_posix()}\n" for file, sha256 in sums.items())
    write_text(path, "".join(lines))


def still_there(path: Path, root: Path, watch: Watcher) -> bool:
    """Whether there is a listing at ``path`` and every file of it is below ``root``, the same to the byte.

    Raises:
        DataError: A file cannot be read.
    """
    if not is_there(path, DataError):
        return False
    with reading(path, DataError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    files = {root / each[2]: each[1] for each in found if each is not None}
    if len(files) < len(lines) or not files or not all(is_there(file, DataError) for file in files):
        return False
    with reading(path, DataError):
        watch.begin(f"checking {path.stem}", sum(file.stat().st_size for file in files))
        for file, sha256 in files.items():
            if sha256_of(file) != sha256:
                return False
            watch.advance(file.stat().st_size)
    return True
