"""The files of a built dataset, as bytes that depend on nothing but the dataset."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.prepare.build.plan import Plan
from gzslbench.data.formats.xlsa17 import SPLITS

LISTING, HEADER = "listing.csv", ("file", "class")
RECORD, LAYOUT = "build.json", "gzslbench-build"
_TEXT = b"MATLAB 5.0 MAT-file, written by gzslbench".ljust(116)


def contents(plan: Plan) -> dict[str, bytes]:
    """From the name of each file to its bytes: splits, listing and, last, the record of the build."""
    files = {f"{plan.request.semantics_name}{SPLITS}": _splits(plan), LISTING: _listing(plan)}
    record = {**described(plan), "files": {name: _sha256(content) for name, content in files.items()}}
    return {**files, RECORD: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()}


def described(plan: Plan) -> dict[str, Any]:
    """What was asked for and what came of it, ready for JSON."""
    split, unseen = plan.partition.split, set(plan.partition.unseen)
    return {
        "layout": LAYOUT,
        "gzslbench": VERSION,
        "arguments": {name: _plain(value) for name, value in asdict(plan.request).items()},
        "semantics_sha256": plan.semantics_sha256,
        "semantics_dimension": plan.semantics.shape[1],
        "photographs": len(plan.partition.labels),
        "split": {**split.counts, "fingerprint": split.fingerprint},
        "seen": [each.name for each in plan.classes if each.name not in unseen],
        "unseen": list(plan.partition.unseen),
        "validation": list(plan.partition.validation),
        "left_out": list(plan.photographs.left_out),
        "identity": plan.identity,
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else str(value)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _splits(plan: Plan) -> bytes:
    """A file of xlsa17's shape; train_loc and val_loc, of trainval alone, tell the validation classes."""
    from scipy.io import savemat

    made, names = plan.partition, [each.name for each in plan.classes]
    split = made.split
    found = {
        "att": plan.semantics.T,
        "allclasses_names": np.array(names, dtype=object).reshape(-1, 1),
        "trainval_loc": _from_one(split.trainval),
        "test_seen_loc": _from_one(split.test_seen),
        "test_unseen_loc": _from_one(split.test_unseen),
    }
    if made.validation:
        held = np.isin(made.labels[split.trainval], [names.index(name) for name in made.validation])
        found |= {
            "train_loc": _from_one(split.trainval[~held]),
            "val_loc": _from_one(split.trainval[held]),
        }
    stream = io.BytesIO()
    savemat(stream, found)
    return _TEXT + stream.getvalue()[len(_TEXT) :]  # in place of the time, which scipy writes there


def _from_one(rows: NDArray[np.int64]) -> NDArray[np.int32]:
    return (rows[:, None] + 1).astype(np.int32)


def _listing(plan: Plan) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for each in plan.classes:
        writer.writerows(_rows(each.name, each.files))
    return stream.getvalue().encode()


def _rows(name: str, files: Sequence[str]) -> list[tuple[str, str]]:
    return [(file, name) for file in files]
