"""One epoch of CE-GZSL and its evaluation, at the sizes of the suite flo-lite0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import Builder
from gzslbench_benchmarks.speed.ours import ce_gzsl_evaluation, ce_gzsl_iteration
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_iteration
from gzslbench_benchmarks.speed.published.evaluation import evaluation
from gzslbench_benchmarks.speed.shapes import FLO_LITE0, Shape

ZSL_EPOCHS = 100


def settings(conditions: Conditions) -> Iterator[Setting]:
    """The published form fits one head, so ours is compared without its second one, for T1."""
    shape = FLO_LITE0.tiny() if conditions.quick else FLO_LITE0
    zsl_epochs = 2 if conditions.quick else ZSL_EPOCHS
    with_zsl = partial(ce_gzsl_evaluation, zsl_epochs=zsl_epochs)
    contestants = [
        _contestant("ours", shape, conditions, ce_gzsl_iteration, ce_gzsl_evaluation),
        _contestant(
            f"ours, and a head of {zsl_epochs} epochs for T1", shape, conditions, ce_gzsl_iteration, with_zsl
        ),
        _contestant("pair-matrix form", shape, conditions, pair_matrix_iteration, evaluation, published=True),
    ]
    yield Setting(f"{shape.name}, batch {shape.batch}", contestants)


def _contestant(
    name: str,
    shape: Shape,
    conditions: Conditions,
    iteration: Builder,
    evaluated: Builder,
    *,
    published: bool = False,
) -> Contestant:
    build = partial(_epoch, shape, conditions, iteration, evaluated)
    return Contestant(name, build, slow=published, keeps_memory=not published)


def _epoch(shape: Shape, conditions: Conditions, iteration: Builder, evaluated: Builder) -> Program:
    """Run ceil(N / batch) iterations, then an evaluation."""
    iterate, evaluate = iteration(shape, conditions), evaluated(shape, conditions)
    iterations = math.ceil(shape.rows / shape.batch)

    def run() -> None:
        for _ in range(iterations):
            iterate()
        evaluate()

    return run
