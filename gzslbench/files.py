"""Read, lock and write files, and explain errors of the operating system."""

from __future__ import annotations

import errno
import glob
import hashlib
import itertools
import os
import re
import shutil
import socket
import stat
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gzslbench.errors import GzslBenchError, StoreError

_CHECK_NAME = "check the folder and the name"
_READABLE = "make it readable for yourself (chmod), or ask its owner to"
_BLOCKED_BY_FILE = "a file blocks the path: move it"
_NO_LOCKS = "this drive keeps no locks: choose a folder on a local drive"
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_WITHOUT_RESERVING = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENODEV)
_PIECE = 1 << 20
_A_LOOK_S = 0.1
"""How long a lock is tried: `sweep --status` has it for a moment, to see whether another process has it."""
_ADVICE: dict[int, tuple[str, str]] = {
    errno.ENOENT: (_CHECK_NAME, "the folder has been removed: create it again"),
    errno.ENOTDIR: (_CHECK_NAME, _BLOCKED_BY_FILE),
    errno.EEXIST: (_CHECK_NAME, _BLOCKED_BY_FILE),
    errno.EISDIR: ("name a file, not a folder", "a folder blocks the path: move it"),
    errno.EACCES: (_READABLE, "make the folder writable"),
    errno.EPERM: (_READABLE, "make the folder writable"),
    errno.EROFS: ("check the disk", "make the folder writable"),
    errno.EINVAL: ("give another name", "give another name"),
    errno.ENAMETOOLONG: ("give a shorter name", "choose a shorter name"),
    errno.ELOOP: ("the link leads back to itself: remove or correct it", "remove the link"),
    errno.ENOSPC: ("free some space", "free some space"),
    errno.EDQUOT: ("free some of your quota", "free some of your quota"),
    **dict.fromkeys(_WITHOUT_LOCKS, (_NO_LOCKS, _NO_LOCKS)),
    errno.ESPIPE: ("copy what it gives into a file, and name that file", "move it, or name a file"),
    errno.E2BIG: ("it is larger than what runs write: repeat the run with --rerun", "write less"),
    errno.EFBIG: ("check the disk that it lies on", "choose a disk that takes files of this size"),
}
"""For each error number, what to do when reading and when writing."""
_OTHER_ADVICE = ("check the disk that it lies on", "make the folder writable")
_ELSEWHERE = "choose another folder with --results"
PART, OLD = ".part", "old"
"""The ending of a temporary file or folder, and the name in it of a folder that is being replaced."""
_NUMBERS = itertools.count()
_LONG_KEY = re.compile(r"(?<![^\s.=,\[\]])(?:[^\s.=,\[\]]+\s*\.\s*){101}")
"""A key such as a.b.c with so many parts that a parser of TOML takes minutes."""
_LONGEST_NAME = 240
"""Bytes of a name; most file systems take 255, and temporary files have an ending."""


@contextmanager
def reading(where: Path, failure: type[GzslBenchError], what: str = "cannot be read") -> Iterator[None]:
    """Turn an OSError of the block into ``failure`` with advice; a pipe or a device ``where`` is one too."""
    try:
        refuse_stream(where)
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, _OTHER_ADVICE)[0]
        what = f"{what}: {error.strerror or error}"
        raise failure(what, where=error.filename or where, fix=advice) from error


@contextmanager
def writing(
    where: Path,
    what: str = "cannot be written",
    failure: type[GzslBenchError] = StoreError,
    elsewhere: str = _ELSEWHERE,
) -> Iterator[None]:
    """Turn an OSError of the block into ``failure``; ``elsewhere`` says how to choose another place."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, _OTHER_ADVICE)[1]
        what = f"{what}: {error.strerror or error}"
        raise failure(what, where=where, fix=f"{advice}, or {elsewhere}") from error


def refuse_stream(path: Path) -> None:
    """Raise OSError if ``path`` is a pipe, a socket or a device: reading it could wait or go on for ever."""
    with suppress(FileNotFoundError, NotADirectoryError), _naming(path):
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise OSError(errno.ESPIPE, "it is a pipe or a device, not a file", str(path))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Raise OSError in the block if the name has a character that no file can have in its name."""
    try:
        yield
    except ValueError as error:  # a zero byte, or half of a pair of UTF-16
        raise OSError(errno.EINVAL, f"no file can have this name: {error}", ascii(str(path))) from error


def read_file(path: Path, most: int = sys.maxsize) -> bytes:
    """Return the bytes of a file; OSError as for ``refuse_stream``, or if there are more than ``most``."""
    refuse_stream(path)
    if path.stat().st_size > most:
        raise OSError(errno.E2BIG, f"it has more than {format_size(most)}", str(path))
    return path.read_bytes()


def is_there(path: Path, failure: type[GzslBenchError]) -> bool:
    """Return whether a file or folder exists at ``path``; raise ``failure`` if this cannot be found out."""
    with reading(path, failure):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def check_file(path: Path, failure: type[GzslBenchError]) -> None:
    """Raise ``failure`` unless ``path`` is a file that can be opened."""
    with reading(path, failure), path.open("rb"):
        pass


def check_folder(path: Path, failure: type[GzslBenchError]) -> None:
    """Raise ``failure`` unless ``path`` is a folder that can be listed and entered."""
    with reading(path, failure):
        for entry in path.iterdir():
            entry.lstat()
            break


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, which is read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def parse_toml(content: bytes) -> dict[str, Any]:
    """Return what a TOML file has.

    Raises:
        ValueError: It is not TOML, not UTF-8, or nested so deeply that the parser would not end.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    text = content.decode("utf-8-sig")
    if _LONG_KEY.search(text):
        raise ValueError("it has a key of more than 100 parts")
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return found


def is_path_part(name: str) -> bool:
    """Return whether ``name`` can be the name of one file or folder, which then lies in the folder meant.

    Every id and name from a file or a plugin passes here before it becomes a part of a path.
    """
    size = len(name.encode(errors="surrogatepass"))
    return (
        bool(name.strip())
        and size <= _LONGEST_NAME
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & set("/\\")
    )


def make_folder(folder: Path) -> None:
    """Create the folder if it is missing; raise OSError unless files can be written to it."""
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _scratch(folder / "probe") as probe:
        probe.write_bytes(b"gzslbench")
        probe.unlink()


def format_size(size: int) -> str:
    """Format a number of bytes in the largest unit that fits."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def check_free_space(folder: Path, needed: int, failure: type[GzslBenchError], elsewhere: str) -> None:
    """Raise ``failure`` unless ``needed`` bytes are free on the disk of ``folder``."""
    with reading(folder, failure):
        free = shutil.disk_usage(folder).free
    if free < needed:
        what = f"{format_size(needed)} are needed and {format_size(free)} are free"
        raise failure(what, where=folder, fix=f"free some space, or {elsewhere}")


def reserve(path: Path, size: int) -> None:
    """Create a file of ``size`` zeros whose space on the disk is taken, which ``truncate`` does not do.

    Otherwise a full disk, here an OSError, kills a process that writes to a memory map, or in HDF5.
    """
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _WITHOUT_RESERVING:
                raise
            for start in range(0, size, _PIECE):
                file.write(bytes(min(_PIECE, size - start)))


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; when the block ends, the file there replaces ``path``.

    If anything fails, the old file stays and the temporary file is removed, or the next call removes it.

    Raises:
        OSError: The folder is read-only, full or gone.
    """
    with _scratch(path) as scratch:
        yield scratch
        # The content must be on disk before it gets the name: a power cut could leave an empty file.
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    with suppress(OSError):  # some file systems cannot sync a folder
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder; when the block ends, it replaces ``folder`` with all that is in it.

    If anything fails, the old folder stays.

    Raises:
        OSError: The folder above is read-only, full or gone.
    """
    with scratch_folder(folder) as scratch:
        new, old = scratch / "new", scratch / OLD
        new.mkdir()
        yield new
        if folder.is_dir():
            folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            if old.is_dir():
                old.rename(folder)
            raise


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``; it is removed when the block ends.

    If this process is killed, the next call for the same ``path`` removes it.
    """
    with _scratch(path) as scratch:
        scratch.mkdir()
        yield scratch
        with suppress(OSError):  # what it was for is done; the next call for this path removes it
            remove(scratch)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Yield the name of a temporary file or folder of this process; remove it if the block fails."""
    start = remove_leftovers(path)
    scratch = path.with_name(f"{start}{os.getpid()}-{next(_NUMBERS)}{PART}")
    try:
        yield scratch
    except BaseException:
        with suppress(OSError):
            remove(scratch)
        raise


def remove_leftovers(path: Path) -> str:
    """Remove what killed processes left next to ``path``; return how names of temporary files begin."""
    start = f".{path.name}.{socket.gethostname()}-"
    for other in path.parent.glob(f"{glob.escape(start)}*{PART}"):
        process = other.name.removeprefix(start).partition("-")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            with suppress(OSError):  # another process may remove it at the same time
                if (other / OLD).is_dir() and not path.exists():  # killed between two renames
                    (other / OLD).rename(path)
                remove(other)
    return start


def _is_alive(process: int) -> bool:
    try:
        with suppress(PermissionError, OverflowError):
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_atomically(
    path: Path,
    content: bytes | str,
    failure: type[GzslBenchError] = StoreError,
    elsewhere: str = _ELSEWHERE,
) -> None:
    """Write ``content`` (text in UTF-8) to ``path`` in one step; if this fails, the old file stays.

    Raises:
        GzslBenchError: An error of the type ``failure``: the folder is read-only, full or gone.
    """
    data = content.encode() if isinstance(content, str) else content
    with writing(path, f"{path.name} cannot be written", failure, elsewhere), atomic_path(path) as scratch:
        scratch.write_bytes(data)


class LockedError(Exception):
    """Another process has the lock; the text names the process and its host."""


@contextmanager
def lock(path: Path, *, wait: bool = False, keep: bool = False) -> Iterator[None]:
    """Lock the file ``path`` for this process; the lock ends with the process, even if it is killed.

    On a drive that keeps no locks it only warns.

    Args:
        path: The lock file, which is created if it is missing.
        wait: Whether to wait until no other process has the lock.
        keep: Whether the file stays after the block.

    Raises:
        LockedError: Another process has the lock, and ``wait`` is false.
        OSError: The file cannot be created.
    """
    from filelock import FileLock, SoftFileLock, Timeout  # takes 30 ms, which `--help` need not pay

    path.parent.stat()  # filelock would create a missing folder, which may be a typing error
    file_lock, existed = FileLock(path), path.exists()
    try:
        file_lock.acquire(timeout=-1 if wait else _A_LOOK_S, poll_interval=0.02)
    except Timeout as error:
        with suppress(OSError):
            owner = " on ".join(path.read_text(encoding="utf-8").splitlines()[:2])
            raise LockedError(owner or "it has just started") from error
        raise LockedError("it has just ended") from error
    except OSError as error:
        if error.errno not in (*_WITHOUT_LOCKS, errno.EIO):  # some servers answer EIO
            if not existed:  # a file without a lock would look like an interrupted run
                path.unlink(missing_ok=True)
            raise
        what = f"the drive of {path.parent} keeps no locks: run one command at a time on what lies there"
        warnings.warn(what, RuntimeWarning, stacklevel=2)
    # On a file system without locks, filelock falls back to a file whose content and removal are its own.
    native = not isinstance(file_lock, SoftFileLock)
    try:
        if native:
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        if native and not keep:
            # filelock lets waiting processes try again if the file they opened was removed.
            with suppress(OSError):
                path.unlink()
        file_lock.release()


def drop_torn_line(path: Path) -> None:
    """Drop the last line if it has no line end: a killed process wrote it, and the next would join it."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        if end and (file.seek(end - 1), file.read())[1] != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
