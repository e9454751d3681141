"""A folder kept the same on another machine: what changed in it, and putting that in place."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

from gzslbench.errors import ExecutorError
from gzslbench.files import write_atomically, writing

SMALL = 2**26
"""Bytes of a file that is sent while its job is at work; larger ones are when it has ended."""
TRIES = 3
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Change:
    """What became of a folder since it was looked at before.

    Attributes:
        names: Of all files that are there, relative to the folder.
        files: The content of those that are new or changed, in the order in which they were written.
        digests: The sha256 of each.
    """

    names: frozenset[str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


class Watched:
    """A folder that is looked at again and again. Hidden files and links are not looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, Stamp] = {}

    def change(self, largest: int | None = None) -> Change | None:
        """What changed since the last call; files of one moment, or None where they keep changing.

        Args:
            largest: Bytes of a file; one that is larger waits for a later call.
        """
        for _ in range(TRIES):
            try:
                now = self._stamps()
                changed = [
                    name
                    for name, (_, size, _) in sorted(now.items(), key=lambda item: item[1])
                    if self._seen.get(name) != now[name] and (largest is None or size <= largest)
                ]
                files = {name: (self.folder / name).read_bytes() for name in changed}
                same = self._stamps() == now
            except OSError:  # a file was replaced while it was looked at
                continue
            if same:
                known = {**self._seen, **{name: now[name] for name in changed}}
                self._seen = {name: stamp for name, stamp in known.items() if name in now}
                digests = {name: sha256(content).hexdigest() for name, content in files.items()}
                return Change(frozenset(now), files, digests)
        return None

    def _stamps(self) -> dict[str, Stamp]:
        """By name, when it was written, its bytes, and which file it is."""
        found = {}
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            if path.is_file() and not path.is_symlink() and not any(p.startswith(".") for p in name.parts):
                about = path.stat()
                found[name.as_posix()] = (about.st_mtime_ns, about.st_size, about.st_ino)
        return found


def put_in_place(change: Change, folder: Path, before: Set[str] = frozenset()) -> None:
    """Make ``folder`` what the other one is: each file whole or not at all, in the order of their writing.

    Args:
        change: What to do.
        folder: Where.
        before: Names of files that were the same; of these, what is no more there goes.

    Raises:
        ExecutorError: What came is damaged, or would lie elsewhere.
        StoreError: The folder cannot be written.
    """
    for name, content in change.files.items():
        path = _place(folder, name)
        if sha256(content).hexdigest() != change.digests[name]:
            raise ExecutorError("a file was damaged on its way", where=path, fix="repeat the command")
        with writing(path, f"{name} cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    for name in before - change.names:
        with writing(folder, f"{name} cannot be removed"):
            _place(folder, name).unlink(missing_ok=True)


def _place(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise ExecutorError(f"a node sent a file by the name {name!r}", where=folder, fix="mend its work")
    return folder / name
