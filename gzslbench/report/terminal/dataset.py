"""A dataset that ``gzslbench data build`` will make or has made, on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.table import Table

from gzslbench.prepare.building.plan import Plan
from gzslbench.report.printing import make_table

MAX_LISTED = 10
"""Files left out of the dataset that are named."""


def dataset_summary(plan: Plan, name: str) -> Iterator[str]:
    """Return lines with sizes, split and fingerprint."""
    partition, classes, rows = plan.partition, len(plan.rows.classes), f"{plan.rows.words.row}s"
    split, unseen, validation = partition.split, len(partition.unseen), partition.validation
    counts, count = split.counts, len(partition.labels)
    yield f"{name}: {classes} classes, {count} {rows}, semantics of {plan.semantics.shape[1]} dimensions"
    if plan.features is not None:
        yield f"  features {plan.features.name} of {plan.features.values.shape[1]} dimensions"
        yield from (f"  note: {note}" for note in plan.features.notes)
    rows_of_seen = f"{counts['trainval']} {rows} train, {counts['test_seen']} test"
    yield f"  seen    {classes - unseen} classes: {rows_of_seen}"
    yield f"  unseen  {unseen} classes: {counts['test_unseen']} {rows} test"
    if validation:
        yield f"  for validation {len(validation)} of the seen classes: {', '.join(validation)}"
    yield f"  split   {split.fingerprint}"


def left_out_lines(plan: Plan) -> Iterator[str]:
    """Return lines about the files of the folder that are not in the dataset, the first few by name."""
    names = plan.rows.left_out
    yield from (f"left out {name}" for name in names[:MAX_LISTED])
    if len(names) > MAX_LISTED:
        yield f"left out {len(names) - MAX_LISTED} more"


def classes_table(plan: Plan) -> Table:
    """Return each class with its number, its part and how many of its images train and test."""
    partition = plan.partition
    classes = plan.rows.classes
    trained = np.bincount(partition.labels[partition.split.trainval], minlength=len(classes)).tolist()
    rows = []
    for number, (name, own, train) in enumerate(
        zip(classes, plan.rows.by_class, trained, strict=True), start=1
    ):
        part = "unseen" if name in partition.unseen else "seen"
        part += ", validation" if name in partition.validation else ""
        rows.append((number, name, part, train, len(own) - train))
    return make_table(["", "class", "part", "train", "test"], rows, ["train", "test"])


def next_commands(plan: Plan, folder: Path, features: str | None) -> Iterator[str]:
    """Return the commands to type next: for images without features (None), or with ``features``."""
    dataset = ("--dataset", str(folder))
    if features is None:
        images = ("--images", str(plan.request.images), "--extractor", "efficientnet-lite0")
        yield shlex.join(("gzslbench", "extract", *dataset, *images))
        features = "efficientnet_lite0"
    name = plan.request.semantics_name
    chosen = () if plan.features else ("--features", features)
    semantics = () if name == "att" else ("--semantics", name)
    yield shlex.join(("gzslbench", "run", "--method", "eszsl", *dataset, *chosen, *semantics))
