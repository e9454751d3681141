"""Write a planned dataset: its splits, its list of rows, its record, and its features if it has them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.data.dataset import PARTS
from gzslbench.data.formats import hdf5
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.formats.matfile import encode_mat
from gzslbench.data.formats.xlsa17 import NAMES, SPLITS, FeatureFile, assemble
from gzslbench.errors import DataError
from gzslbench.files import atomic_folder, read_file, reading, sha256_of, writing
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.building.plan import Plan, Request, plan_build

LISTING, HEADER = "listing.csv", ("file", "class")
RECORD, LAYOUT = "build.json", "gzslbench-build"
_ELSEWHERE = "name a folder that does not exist yet, where you may write"


@dataclass(frozen=True)
class Build:
    """A dataset in ``folder``; ``is_new`` is false if the same dataset was there already."""

    folder: Path
    plan: Plan
    is_new: bool


def build_dataset(folder: str | Path, request: Request, *, dry_run: bool = False) -> Build:
    """Build a dataset from images or from arrays, as ``request`` says, and write it to ``folder``.

    The name of the folder is the name of the dataset. It is written atomically: if anything is wrong, nothing
    is written. ``dry_run`` checks everything and writes nothing.

    Raises:
        DataError: An input cannot be read, or contradicts another, or the folder has other files.
        ParamError: A number of classes is not possible.
    """
    folder = Path(folder)
    check_place(folder, request.images)
    plan = plan_build(request)
    return Build(folder, plan, write_build(plan, folder, dry_run=dry_run))


def check_place(folder: Path, images: Path | None) -> None:
    """Check the name and the place of the dataset's folder, not its content."""
    with reading(folder, DataError):
        resolved, here = folder.resolve(), Path.cwd().resolve()
        among = images.resolve() if images else None
    known = {name.casefold(): name for name in plugins().datasets()}
    if among is not None and (resolved == among or among in resolved.parents):
        what, fix = "the dataset would be among its own class folders", "name another folder"
    elif resolved == here or resolved in here.parents:
        what, fix = "this is the current folder, or above it", "name a folder below it, or elsewhere"
    elif resolved.name.casefold() in known:
        what = f"a folder of this name would be taken for the dataset {known[resolved.name.casefold()]}"
        fix = "give it another name: the dataset has the name of its folder"
    else:
        return
    raise DataError(what, where=folder, fix=fix)


def write_build(plan: Plan, folder: Path, *, dry_run: bool = False) -> bool:
    """Write the splits, listing.csv and build.json to ``folder``, unless the same dataset is there already.

    ``dry_run`` only checks the folder. Returns whether the dataset is not there already.
    """
    check_place(folder, plan.request.images)
    with writing(folder, "the dataset cannot be written", DataError, _ELSEWHERE):
        if _is_same(folder, plan):
            return False
        if folder.exists() and any(folder.iterdir()):
            what = f"the folder is not empty, and {_describe_difference(folder, plan)}"
            raise DataError(what, where=folder, fix="name another folder, or remove this one")
        if not dry_run:
            folder = folder.resolve()
            folder.parent.mkdir(parents=True, exist_ok=True)
            with atomic_folder(folder) as scratch:
                for name, content in _file_contents(plan).items():
                    (scratch / name).write_bytes(content)
                _write_features(plan, scratch, folder.name)
    return True


def describe(plan: Plan) -> dict[str, Any]:
    """Return what was requested and the result, in plain JSON types."""
    split, classes, unseen = plan.partition.split, plan.rows.classes, plan.request.unseen
    arguments = {field.name: _as_json(getattr(plan.request, field.name)) for field in fields(plan.request)}
    if unseen is not None and not isinstance(unseen, Path):
        arguments["unseen"] = sorted(map(str, unseen))
    found = {
        "layout": LAYOUT,
        "gzslbench": VERSION,
        "arguments": arguments,
        "semantics_sha256": plan.semantics_sha256,
        "semantics_dimension": plan.semantics.shape[1],
        "images": len(plan.partition.labels),
        "split": {**split.counts, "fingerprint": split.fingerprint},
        "seen": [name for name in classes if name not in plan.partition.unseen],
        "unseen": list(plan.partition.unseen),
        "validation": list(plan.partition.validation),
        "left_out": list(plan.rows.left_out),
        "identity": plan.identity,
    }
    if plan.features is not None:
        shape = plan.features.values.shape
        found["features"] = {
            "name": plan.features.name,
            "dimension": shape[1],
            "content": plan.features.content,
        }
    return found


def _as_json(value: Any) -> object:
    """Return an argument of a build in plain JSON types; of an array, only its shape."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, (Path, Mapping)):
        return str(value) if isinstance(value, Path) else f"{len(value)} vectors"
    return f"array of shape {np.shape(value)}"


def _file_contents(plan: Plan) -> dict[str, bytes]:
    """Return the bytes of each file by name; they depend only on the dataset."""
    files = {f"{plan.request.semantics_name}{SPLITS}": _splits_file(plan)}
    if plan.rows.has_names:
        files[LISTING] = _listing_file(plan)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = {**describe(plan), "files": hashes}
    return {**files, RECORD: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()}


def _splits_file(plan: Plan) -> bytes:
    """Return a file of xlsa17 shape; its train_loc and val_loc, both of trainval, give validation classes."""
    parts, names = plan.partition, plan.rows.classes
    split = parts.split
    found = {"att": plan.semantics.T, NAMES: np.array(names, dtype=object).reshape(-1, 1)}
    for part in PARTS:
        found[f"{part}_loc"] = _count_from_one(getattr(split, part))
    if parts.validation:
        is_val = np.isin(parts.labels[split.trainval], [names.index(name) for name in parts.validation])
        found["train_loc"] = _count_from_one(split.trainval[~is_val])
        found["val_loc"] = _count_from_one(split.trainval[is_val])
    return encode_mat(found)


def _count_from_one(rows: NDArray[np.int64]) -> NDArray[np.int32]:
    return (rows[:, None] + 1).astype(np.int32)


def _listing_file(plan: Plan) -> bytes:
    stream = io.StringIO(newline="")
    rows = [
        (name, plan.rows.classes[label])
        for name, label in zip(plan.rows.names, plan.rows.labels, strict=True)
    ]
    csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows])
    return stream.getvalue().encode()


def _write_features(plan: Plan, folder: Path, name: str) -> None:
    """Write the features, if there are any, with semantics and split, block by block."""
    if plan.features is None:
        return
    target = folder / f"{plan.features.name}.h5"
    image_files = plan.rows.names if plan.rows.has_names else ()
    read = FeatureFile(target, plan.features.values, plan.rows.labels, image_files)
    semantics = plan.request.semantics_name
    dataset = assemble(folder, name, read, semantics, plan.features.notes, {})
    write_hdf5(target, [dataset], [hdf5.Source.of(folder / f"{semantics}{SPLITS}")])


def _is_same(folder: Path, plan: Plan) -> bool:
    record = read_record(folder)
    has_features = plan.features is None or (folder / f"{plan.features.name}.h5").is_file()
    return (
        has_features
        and record.get("identity") == plan.identity
        and all(
            (folder / name).is_file() and sha256_of(folder / name) == sha256
            for name, sha256 in record["files"].items()
        )
    )


def _describe_difference(folder: Path, plan: Plan) -> str:
    """Return the arguments by which the dataset in ``folder`` differs from the planned one, if any do."""
    built, now = read_record(folder).get("arguments", {}), describe(plan)["arguments"]
    changed = [
        f"--{name.replace('_', '-')} was {built[name]} and is {value}"
        for name, value in now.items()
        if built.get(name, value) != value
    ]
    if not changed:
        return "its files are not those of this dataset"
    return f"it has another dataset: {'; '.join(changed)}"


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of an earlier build; return an empty one if there is none."""
    try:
        record = json.loads(read_file(folder / RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    is_ours = isinstance(record, dict) and record.get("layout") == LAYOUT
    return record if is_ours and isinstance(record.get("files"), dict) else {}
