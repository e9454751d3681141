"""Writing several files, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gzslbench.errors import PluginError, StoreError
from gzslbench.files import write_atomically


def write_all(fresh: Mapping[Path, str], changed: Mapping[Path, str] | None = None) -> None:
    """Write the ``fresh`` files and then the ``changed`` ones; if one fails, all is as it was.

    Raises:
        PluginError: A fresh file is there already, or one cannot be written.
    """
    changed = changed or {}
    before = {path: path.read_text(encoding="utf-8") for path in changed}
    for path in fresh:
        if path.exists():
            raise PluginError("there is such a file already", where=path, fix="choose another name")
    made: list[Path] = []
    try:
        for path, text in fresh.items():
            _make_folders(path.parent, made)
            made.append(path)
            path.write_text(text, encoding="utf-8")
        for path, text in changed.items():
            write_atomically(path, text.encode())
    except BaseException as error:
        _undo(made, before)
        if isinstance(error, (OSError, StoreError)):
            raise PluginError(
                f"the files cannot be written: {error}",
                where=next(iter(fresh)),
                fix="choose a folder that can be written, or free some space",
            ) from error
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _undo(made: list[Path], before: Mapping[Path, str]) -> None:
    for path, text in before.items():
        with suppress(OSError, StoreError):
            if path.read_text(encoding="utf-8") != text:
                write_atomically(path, text.encode())
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
