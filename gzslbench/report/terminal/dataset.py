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
    partition, classes = plan.partition, len(plan.classes)
    split, unseen, validation = partition.split, len(partition.unseen), partition.validation
    counts, images = split.counts, len(partition.labels)
    yield f"{name}: {classes} classes, {images} images, semantics of {plan.semantics.shape[1]} dimensions"
    images_of_seen = f"{counts['trainval']} images train, {counts['test_seen']} test"
    yield f"  seen    {classes - unseen} classes: {images_of_seen}"
    yield f"  unseen  {unseen} classes: {counts['test_unseen']} images test"
    if validation:
        yield f"  for validation {len(validation)} of the seen classes: {', '.join(validation)}"
    yield f"  split   {split.fingerprint}"


def left_out_lines(plan: Plan) -> Iterator[str]:
    """Return lines about the files of the folder that are not in the dataset, the first few by name."""
    names = plan.images.left_out
    yield from (f"left out {name}" for name in names[:MAX_LISTED])
    if len(names) > MAX_LISTED:
        yield f"left out {len(names) - MAX_LISTED} more"


def classes_table(plan: Plan) -> Table:
    """Return each class with its number, its part and how many of its images train and test."""
    partition = plan.partition
    trained = np.bincount(partition.labels[partition.split.trainval], minlength=len(plan.classes)).tolist()
    rows = []
    for number, (item, train) in enumerate(zip(plan.classes, trained, strict=True), start=1):
        part = "unseen" if item.name in partition.unseen else "seen"
        part += ", validation" if item.name in partition.validation else ""
        rows.append((number, item.name, part, train, len(item.files) - train))
    return make_table(["", "class", "part", "train", "test"], rows, ["train", "test"])


def next_commands(plan: Plan, folder: Path, features: str | None) -> Iterator[str]:
    """Return the commands to type next: for a dataset without features (None) or with them."""
    dataset = ("--dataset", str(folder))
    if features is None:
        images = ("--images", str(plan.request.images), "--extractor", "efficientnet-lite0")
        yield shlex.join(("gzslbench", "extract", *dataset, *images))
        features = "efficientnet_lite0"
    name = plan.request.semantics_name
    semantics = () if name == "att" else ("--semantics", name)
    yield shlex.join(("gzslbench", "run", "--method", "eszsl", *dataset, "--features", features, *semantics))
