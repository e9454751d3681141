"""A dataset that ``gzslbench data build`` will make or has made, on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from gzslbench.prepare.build.plan import Plan
from gzslbench.report.terminal.printing import make_table

MAX_LISTED = 10
"""Files left out of the dataset that are named."""


def dataset_summary(plan: Plan, name: str) -> Iterator[str]:
    """Return lines with sizes, split and fingerprint."""
    partition, unseen = plan.partition, plan.partition.unseen
    counts = partition.split.counts
    dimensions = plan.semantics.shape[1]
    yield (
        f"{name}: {len(plan.classes)} classes, {len(partition.labels)} images,"
        f" semantics of {dimensions} dimensions"
    )
    yield (
        f"  seen    {len(plan.classes) - len(unseen)} classes: {counts['trainval']} images train,"
        f" {counts['test_seen']} test"
    )
    yield f"  unseen  {len(unseen)} classes: {counts['test_unseen']} images test"
    if partition.validation:
        yield (
            f"  for validation {len(partition.validation)} of the seen classes:"
            f" {', '.join(partition.validation)}"
        )
    yield f"  split   {partition.split.fingerprint}"


def left_out_lines(plan: Plan) -> Iterator[str]:
    """Return lines about the files of the folder that are not in the dataset, the first few by name."""
    names = plan.images.left_out
    yield from (f"left out {name}" for name in names[:MAX_LISTED])
    if len(names) > MAX_LISTED:
        yield f"left out {len(names) - MAX_LISTED} more"


def classes_table(plan: Plan) -> Table:
    """Return each class with its number, its part and how many of its images train and test."""
    table = make_table(["", "class", "part"], ["train", "test"])
    partition = plan.partition
    trained = np.bincount(partition.labels[partition.split.trainval], minlength=len(plan.classes))
    for number, found in enumerate(plan.classes):
        part = "unseen" if found.name in partition.unseen else "seen"
        part = f"{part}, validation" if found.name in partition.validation else part
        train = int(trained[number])
        table.add_row(str(number + 1), Text(found.name), part, str(train), str(len(found.files) - train))
    return table


def next_commands(plan: Plan, folder: Path, features: str | None) -> Iterator[str]:
    """Return the commands to type next: for a dataset without features (None) or with them."""
    dataset = ("--dataset", str(folder))
    if features is None:
        images = ("--images", str(plan.request.images), "--extractor", "efficientnet-lite0")
        yield shlex.join(("gzslbench", "extract", *dataset, *images))
        features = "efficientnet_lite0"
    name = plan.request.semantics_name
    semantics = () if name == "att" else ("--semantics", name)
    run = ("gzslbench", "run", "--method", "eszsl", *dataset, "--features", features, *semantics)
    yield shlex.join(run)
