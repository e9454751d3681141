"""Runs in one file: a zip archive with a folder a run."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gzslbench.errors import StoreError
from gzslbench.files import atomic_path, writing
from gzslbench.runs.folder import CHOICE, RECORD
from gzslbench.runs.store import RunFolder

FILES = (RECORD, "predictions.npz", "metrics.jsonl", "log.txt", CHOICE)
"""What travels of a run; checkpoints stay."""
LARGEST = 2**28
"""Bytes that one file may unpack to."""
_DATE = (1980, 1, 1, 0, 0, 0)


def write_bundle(path: Path, folders: Sequence[RunFolder]) -> None:
    """Write the runs to ``path``, whole or not at all; the same runs give the same bytes.

    Raises:
        StoreError: It cannot be written.
    """
    with (
        writing(path, f"{path.name} cannot be written"),
        atomic_path(path) as scratch,
        zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for folder in folders:
            for file in (folder.path / name for name in FILES):
                if file.is_file():
                    entry = zipfile.ZipInfo(f"{folder.id}/{file.name}", _DATE)
                    archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)


def unpack_bundle(path: Path, into: Path) -> None:
    """Unpack what ``write_bundle`` wrote into an empty folder.

    Names are looked at, not trusted: only the known files of one folder a run are taken.

    Raises:
        StoreError: It is no such archive, is damaged, or holds anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                run, name = _place(entry, path)
                folder = into / run
                folder.mkdir(exist_ok=True)
                with archive.open(entry) as file:
                    content = file.read(LARGEST + 1)
                if len(content) > LARGEST:
                    raise _refusal(f"{entry.filename} is larger than {LARGEST // 2**20} MiB", path)
                (folder / name).write_bytes(content)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise _refusal(f"no archive of runs: {error}", path) from error
    except OSError as error:
        raise _refusal(f"cannot be read: {error.strerror or error}", path) from error


def _place(entry: zipfile.ZipInfo, path: Path) -> tuple[str, str]:
    """The run and the file that an entry is."""
    parts = PurePosixPath(entry.filename).parts
    plain = len(parts) == 2 and parts[1] in FILES and not parts[0].startswith((".", "/"))
    if not plain or "\\" in entry.filename or entry.is_dir():
        raise _refusal(f"{entry.filename!r} is no file of a run", path)
    return parts[0], parts[1]


def _refusal(what: str, path: Path) -> StoreError:
    return StoreError(what, where=path, fix="write it anew: gzslbench runs export")
