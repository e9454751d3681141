"""How time and memory grow with the batch, the seen classes and the synthesized features.

The published forms are measured only at the smaller points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import Builder, peak_of
from gzslbench_benchmarks.speed.ours import ce_gzsl_evaluation, ce_gzsl_iteration
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_iteration
from gzslbench_benchmarks.speed.published.evaluation import evaluation
from gzslbench_benchmarks.speed.shapes import Shape


@dataclass(frozen=True)
class Axis:
    """What grows, over which values, and up to which the published form is measured."""

    what: str
    field: str
    shape: str
    values: tuple[int, ...]
    published_to: int
    ours: Builder
    published: Builder


AXES = (
    Axis(
        "iteration, batch", "batch", "CUB-sent", (64, 128, 256, 512, 1024, 2048), 256,
        ce_gzsl_iteration, pair_matrix_iteration,
    ),
    Axis(
        "iteration, seen classes", "classes", "SUN", (50, 150, 645, 2000), 150,
        ce_gzsl_iteration, pair_matrix_iteration,
    ),
    Axis(
        "evaluation, syn_num", "syn_num", "AWA2", (300, 1200, 2400, 4800), 300,
        ce_gzsl_evaluation, evaluation,
    ),
)  # fmt: skip
HEAD_EPOCHS = 5
QUICK_VALUES = (5, 8)


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Yield a setting for each point; evaluations fit their head for five epochs."""
    for axis in AXES:
        start = conditions.shape(axis.shape)
        shape = replace(start, head_epochs=min(HEAD_EPOCHS, start.head_epochs))
        for value in QUICK_VALUES if conditions.quick else axis.values:
            change: dict[str, Any] = {axis.field: value}
            point = replace(shape, **change)
            contestants = [_contestant("ours", axis.ours, point, conditions)]
            if value <= axis.published_to:
                contestants.append(
                    _contestant("published form", axis.published, point, conditions, published=True)
                )
            yield Setting(f"{axis.what} {value} ({axis.shape})", contestants)


def _contestant(
    name: str, builder: Builder, shape: Shape, conditions: Conditions, *, published: bool = False
) -> Contestant:
    build = partial(builder, shape, conditions)
    memory = partial(peak_of, builder, shape, conditions, keeps_memory=not published)
    return Contestant(name, build, memory, slow=published, keeps_memory=not published)
