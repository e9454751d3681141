"""A dataset that is to be built, or has been, in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from gzslbench.prepare.build.plan import Plan

FEW = 10


def summary(plan: Plan, name: str) -> Iterator[str]:
    """Sizes, split and fingerprint, a line each."""
    made, unseen = plan.partition, plan.partition.unseen
    counts = made.split.counts
    yield f"{name}: {len(plan.classes)} classes, {len(made.labels)} photographs, " + (
        f"semantics of {plan.semantics.shape[1]} dimensions"
    )
    yield f"  seen    {len(plan.classes) - len(unseen)} classes: " + (
        f"{counts['trainval']} photographs train, {counts['test_seen']} test"
    )
    yield f"  unseen  {len(unseen)} classes: {counts['test_unseen']} photographs test"
    if made.validation:
        yield f"  for validation {len(made.validation)} of the seen classes: {', '.join(made.validation)}"
    yield f"  split   {made.split.fingerprint}"


def left_out(plan: Plan) -> Iterator[str]:
    """What is in the folder and not in the dataset, the first few by name."""
    names = plan.photographs.left_out
    yield from (f"left out {name}" for name in names[:FEW])
    if len(names) > FEW:
        yield f"left out {len(names) - FEW} more"


def classes_table(plan: Plan) -> Table:
    """Each class with its number, its part and how many of its photographs train and test."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("", "class", "part"):
        table.add_column(title, overflow="fold")
    for title in ("train", "test"):
        table.add_column(title, justify="right")
    made = plan.partition
    trained = np.bincount(made.labels[made.split.trainval], minlength=len(plan.classes))
    for number, each in enumerate(plan.classes):
        part = "unseen" if each.name in made.unseen else "seen"
        part = f"{part}, validation" if each.name in made.validation else part
        train = int(trained[number])
        table.add_row(str(number + 1), Text(each.name), part, str(train), str(len(each.files) - train))
    return table


def next_commands(plan: Plan, folder: Path, features: str | None) -> Iterator[str]:
    """What to type next, without features (None) or with them."""
    dataset = ("--dataset", str(folder))
    if features is None:
        images = ("--images", str(plan.request.images), "--extractor", "efficientnet-lite0")
        yield shlex.join(("gzslbench", "extract", *dataset, *images))
        features = "efficientnet_lite0"
    name = plan.request.semantics_name
    semantics = () if name == "att" else ("--semantics", name)
    run = ("gzslbench", "run", "--method", "eszsl", *dataset, "--features", features, *semantics)
    yield shlex.join(run)
