"""Write a built dataset atomically."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.data.dataset import PARTS
from gzslbench.data.formats.xlsa17 import NAMES, SPLITS
from gzslbench.errors import DataError
from gzslbench.files import atomic_folder, reading, sha256_of, writing
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.build.plan import Plan

LISTING, HEADER = "listing.csv", ("file", "class")
RECORD, LAYOUT = "build.json", "gzslbench-build"
_TEXT = b"MATLAB 5.0 MAT-file, written by gzslbench".ljust(116)
_ELSEWHERE = "name a folder that does not exist yet, where you may write"


def check_place(folder: Path, images: Path) -> None:
    """Check the name and the place of the dataset's folder, not its content."""
    with reading(folder, DataError):
        resolved, among, here = folder.resolve(), images.resolve(), Path.cwd().resolve()
    known = {name.casefold(): name for name in plugins().datasets()}
    if resolved == among or among in resolved.parents:
        what, fix = "the dataset would be among its own class folders", "name another folder"
    elif resolved == here or resolved in here.parents:
        what, fix = "this is the current folder, or above it", "name a folder below it, or elsewhere"
    elif resolved.name.casefold() in known:
        what = f"a folder of this name would be taken for the dataset {known[resolved.name.casefold()]}"
        fix = "give it another name: the dataset has the name of its folder"
    else:
        return
    raise DataError(what, where=folder, fix=fix)


def write_build(plan: Plan, folder: Path, *, force: bool = False, dry_run: bool = False) -> bool:
    """Write the splits, listing.csv and build.json to ``folder``, unless the same dataset is there already.

    ``force`` replaces another dataset that a build wrote, if the folder has no other files. ``dry_run`` only
    checks the folder. Returns whether the dataset is not there already.
    """
    check_place(folder, plan.request.images)
    with writing(folder, "the dataset cannot be written", DataError, _ELSEWHERE):
        if _is_same(folder, plan):
            return False
        _check_replaceable(folder, force)
        if not dry_run:
            folder = folder.resolve()
            folder.parent.mkdir(parents=True, exist_ok=True)
            with atomic_folder(folder) as scratch:
                for name, content in _file_contents(plan).items():
                    (scratch / name).write_bytes(content)
    return True


def describe(plan: Plan) -> dict[str, Any]:
    """Return what was requested and the result, in plain JSON types."""
    split, unseen = plan.partition.split, set(plan.partition.unseen)
    arguments = {
        name: value if value is None or isinstance(value, (int, float)) else str(value)
        for name, value in asdict(plan.request).items()
    }
    return {
        "layout": LAYOUT,
        "gzslbench": VERSION,
        "arguments": arguments,
        "semantics_sha256": plan.semantics_sha256,
        "semantics_dimension": plan.semantics.shape[1],
        "images": len(plan.partition.labels),
        "split": {**split.counts, "fingerprint": split.fingerprint},
        "seen": [item.name for item in plan.classes if item.name not in unseen],
        "unseen": list(plan.partition.unseen),
        "validation": list(plan.partition.validation),
        "left_out": list(plan.images.left_out),
        "identity": plan.identity,
    }


def _file_contents(plan: Plan) -> dict[str, bytes]:
    """Return the bytes of each file by name; they depend only on the dataset, so a repeated build is equal."""
    files = {f"{plan.request.semantics_name}{SPLITS}": _splits_file(plan), LISTING: _listing_file(plan)}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = {**describe(plan), "files": hashes}
    return {**files, RECORD: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()}


def _splits_file(plan: Plan) -> bytes:
    """Return a file of xlsa17 shape; its train_loc and val_loc, both of trainval, give validation classes."""
    from scipy.io import savemat

    parts, names = plan.partition, [item.name for item in plan.classes]
    split = parts.split
    found = {"att": plan.semantics.T, NAMES: np.array(names, dtype=object).reshape(-1, 1)}
    for part in PARTS:
        found[f"{part}_loc"] = _count_from_one(getattr(split, part))
    if parts.validation:
        is_val = np.isin(parts.labels[split.trainval], [names.index(name) for name in parts.validation])
        found["train_loc"] = _count_from_one(split.trainval[~is_val])
        found["val_loc"] = _count_from_one(split.trainval[is_val])
    stream = io.BytesIO()
    savemat(stream, found)
    return _TEXT + stream.getvalue()[len(_TEXT) :]  # instead of the time, which scipy writes there


def _count_from_one(rows: NDArray[np.int64]) -> NDArray[np.int32]:
    return (rows[:, None] + 1).astype(np.int32)


def _listing_file(plan: Plan) -> bytes:
    stream = io.StringIO(newline="")
    rows = [(file, item.name) for item in plan.classes for file in item.files]
    csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows])
    return stream.getvalue().encode()


def _is_same(folder: Path, plan: Plan) -> bool:
    record = _read_record(folder)
    return record.get("identity") == plan.identity and all(
        (folder / name).is_file() and sha256_of(folder / name) == sha256
        for name, sha256 in record["files"].items()
    )


def _check_replaceable(folder: Path, force: bool) -> None:
    existing = {path.name for path in folder.iterdir()} if folder.exists() else set()
    record = _read_record(folder)
    if not existing:
        return
    if not record:
        what, fix = "the folder is not empty, and no build wrote its files", _ELSEWHERE
    elif not force:
        what = "the folder has another dataset of a build, or this dataset with changed files"
        fix = "name another folder, or replace it with --force"
    elif others := sorted(existing - {RECORD, *record["files"]}):
        what = f"the folder has other files, which --force would remove: {', '.join(others)}"
        fix = "move or remove them (features fit only the dataset they were extracted for)"
    else:
        return
    raise DataError(what, where=folder, fix=fix)


def _read_record(folder: Path) -> dict[str, Any]:
    """Read the record of an earlier build; return an empty one if there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    is_ours = isinstance(record, dict) and record.get("layout") == LAYOUT
    return record if is_ours and isinstance(record.get("files"), dict) else {}
