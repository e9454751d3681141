"""A built dataset on its way to the disk: the folder is there with all its files, or is not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gzslbench.prepare.build.contents import LAYOUT, RECORD, contents
from gzslbench.prepare.build.plan import Plan
from gzslbench.errors import DataError
from gzslbench.plugins.registry import plugins
from gzslbench.files import is_there, reading, writing

_ELSEWHERE = "name a folder that is not there yet, where you may write"


def check_place(folder: Path, images: Path) -> None:
    """Refuse a folder for the dataset by its name and place, whatever is in it.

    Raises:
        DataError: It lies among the class folders, is the current folder, or is called like a known dataset.
    """
    with reading(folder, DataError):
        whole, among, here = folder.resolve(), images.resolve(), Path.cwd().resolve()
    if whole == among or among in whole.parents:
        raise DataError(
            "the dataset would lie among its own class folders", where=folder, fix="name a folder elsewhere"
        )
    if whole == here or whole in here.parents:
        raise DataError(
            "this is the current folder, or above it",
            where=folder,
            fix="name a folder below it, or elsewhere",
        )
    known = {name.casefold(): name for name in plugins().datasets()}
    if whole.name.casefold() in known:
        raise DataError(
            f"a folder of this name would be taken for the dataset {known[whole.name.casefold()]}",
            where=folder,
            fix="give it another name: the dataset is called like its folder",
        )


def is_built(plan: Plan, folder: Path, *, force: bool = False) -> bool:
    """Whether the very same dataset is in ``folder`` already; if not, it could be written there.

    Raises:
        DataError: The place will not do, or something else is there.
    """
    check_place(folder, plan.request.images)
    with _writing(folder):
        if _is_the_same(folder, plan):
            return True
        _check_free(folder, force)
    return False


def write_build(plan: Plan, folder: Path, *, force: bool = False) -> bool:
    """Write the splits, listing.csv and build.json to ``folder``.

    Args:
        plan: What to write.
        folder: Not there yet, or empty; its name is the dataset's.
        force: Whether another dataset that a build wrote may be replaced, where nothing else lies with it.

    Returns:
        Whether it was written; not where the very same dataset is there already, which is left as it is.

    Raises:
        DataError: The place will not do, something else is there, or it cannot be written.
    """
    if is_built(plan, folder, force=force):
        return False
    files = contents(plan)
    with _writing(folder):
        folder = folder.resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        _replace(folder, files)
    return True


def _is_the_same(folder: Path, plan: Plan) -> bool:
    record = _record(folder)
    return record.get("identity") == plan.identity and all(
        (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in record["files"].items()
    )


def _check_free(folder: Path, force: bool) -> None:
    if not is_there(folder, DataError):
        return
    if not folder.is_dir():
        raise DataError("this is a file", where=folder, fix="name a folder")
    there = {path.name for path in folder.iterdir()}
    record = _record(folder)
    if not there:
        return
    if not record:
        raise DataError(
            "the folder is not empty, and no build wrote what is in it", where=folder, fix=_ELSEWHERE
        )
    if not force:
        raise DataError(
            "another dataset that a build wrote is there, or this one and its files have been changed",
            where=folder,
            fix="name another folder, or replace it with --force",
        )
    others = sorted(there - {RECORD, *record["files"]})
    if others:
        raise DataError(
            f"with the earlier dataset lie files that --force would take away: {', '.join(others)}",
            where=folder,
            fix="move them away or remove them (features fit the dataset they were extracted for alone)",
        )


def _record(folder: Path) -> dict[str, Any]:
    """What an earlier build says of itself; empty where there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    ours = isinstance(record, dict) and record.get("layout") == LAYOUT
    return record if ours and isinstance(record.get("files"), dict) else {}


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put a folder of these files in the place of ``folder``; if that fails, what was there still is."""
    scratch, before = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("part", "old"))
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir()
        for name, content in files.items():
            with (scratch / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.is_dir() and any(folder.iterdir()):
            folder.rename(before)
        scratch.rename(folder)
    except BaseException:
        if before.is_dir():
            before.rename(folder)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)


def _writing(folder: Path) -> AbstractContextManager[None]:
    return writing(folder, "the dataset cannot be written", DataError, _ELSEWHERE)
