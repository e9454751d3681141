"""Putting the wanted members of an archive into a dataset's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.choice import choose
from gzslbench.prepare.download.containers import Container, container
from gzslbench.prepare.download.disk import check_room, writing
from gzslbench.prepare.download.member import Member, intact, pieces
from gzslbench.prepare.download.watcher import Watcher

_NAMED = 5


@dataclass(frozen=True)
class Unpacked:
    """What there is after unpacking.

    Attributes:
        sums: From each wanted file to its sha256.
        written: How many of them were written.
        kept: How many were there, the same to the byte.
    """

    sums: Mapping[Path, str]
    written: int
    kept: int


def unpack(path: Path, archive: Archive, folder: Path, *, force: bool, watch: Watcher) -> Unpacked:
    """Write the wanted members of the archive ``path`` below ``folder``, each whole or not at all.

    Args:
        path: The archive.
        archive: Which of its members are wanted, and where they go.
        folder: The dataset's.
        force: Whether files that are there and differ are overwritten; else nothing at all is written.
        watch: Told of progress.

    Raises:
        DataError: A file that is there differs, the archive is refused or damaged, or the disk is full.
    """
    packed = container(path, archive.name)
    with intact(path):
        choice = choose(packed.members(), archive, path)
    targets = {name: folder / place for name, place in choice.places.items()}
    equal, differing = _compare(packed, targets, path)
    if differing and not force:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        raise DataError(
            f"{len(differing)} files are there and differ from those in {archive.name}; nothing was written",
            where=", ".join(map(str, differing[:_NAMED])) + more,
            fix="keep them and do not fetch, move them away, or overwrite them with --force",
        )
    missing = {name: target for name, target in targets.items() if target not in equal}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    size = sum(choice.sizes[name] for name in missing)
    check_room(folder, size)
    written = _write(packed, missing, path, size, watch)
    return Unpacked(sums=equal | written, written=len(written), kept=len(equal))


def _compare(
    packed: Container, targets: Mapping[str, Path], path: Path
) -> tuple[dict[Path, str], list[Path]]:
    """The sha256 of the files that are there and equal their member, and the files that differ."""
    with writing(path):
        there = {name: target for name, target in targets.items() if target.exists() or target.is_symlink()}
    equal: dict[Path, str] = {}
    differing: list[Path] = []
    if there:
        for member, stream in packed.contents(there):
            target = there[member.name]
            sha256 = _sum_if_equal(member, stream, target, path)
            if sha256:
                equal[target] = sha256
            else:
                differing.append(target)
    return equal, differing


def _sum_if_equal(member: Member, stream: IO[bytes], target: Path, path: Path) -> str:
    """The sha256 of both, or empty where they differ."""
    digest = hashlib.sha256()
    with intact(target):
        if not target.is_file() or target.stat().st_size != member.size:
            return ""
        with target.open("rb") as file:
            for piece in pieces(stream, member, path):
                if file.read(len(piece)) != piece:
                    return ""
                digest.update(piece)
    return digest.hexdigest()


def _write(
    packed: Container, targets: Mapping[str, Path], path: Path, size: int, watch: Watcher
) -> dict[Path, str]:
    """Write every target, and return the sha256 of each."""
    sums: dict[Path, str] = {}
    if targets:
        watch.begin(f"unpacking {path.name}", size)
    for member, stream in packed.contents(targets):
        target = targets[member.name]
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            sums[target] = _write_one(member, stream, target, path, watch)
    return sums


def _write_one(member: Member, stream: IO[bytes], target: Path, path: Path, watch: Watcher) -> str:
    scratch = target.with_name(f".{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.part")
    digest = hashlib.sha256()
    try:
        with scratch.open("wb") as file:
            for piece in pieces(stream, member, path):
                file.write(piece)
                digest.update(piece)
                watch.advance(len(piece))
        scratch.replace(target)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise
    return digest.hexdigest()
