"""One epoch of CE-GZSL and its evaluation, at the sizes of the suite flo-lite0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import Builder
from gzslbench_benchmarks.speed.ours import ce_gzsl_evaluation, ce_gzsl_iteration
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_epoch
from gzslbench_benchmarks.speed.published.evaluation import evaluation
from gzslbench_benchmarks.speed.shapes import FLO_LITE0, Shape

ZSL_EPOCHS = 100


def settings(conditions: Conditions) -> Iterator[Setting]:
    """The published form fits one head, so ours is compared without its second one, for T1."""
    shape = FLO_LITE0.tiny() if conditions.quick else FLO_LITE0
    zsl_epochs = 2 if conditions.quick else ZSL_EPOCHS
    with_zsl = partial(ce_gzsl_evaluation, zsl_epochs=zsl_epochs)
    programs: dict[str, tuple[Builder, Builder]] = {
        "ours": (_our_epoch, ce_gzsl_evaluation),
        f"ours, and a head of {zsl_epochs} epochs for T1": (_our_epoch, with_zsl),
        "pair-matrix form": (pair_matrix_epoch, evaluation),
    }
    contestants = [
        Contestant(
            name,
            partial(_both, shape, conditions, *builders),
            slow=not name.startswith("ours"),
            keeps_memory=name.startswith("ours"),
        )
        for name, builders in programs.items()
    ]
    yield Setting(f"{shape.name}, batch {shape.batch}", contestants)


def _both(shape: Shape, conditions: Conditions, *builders: Builder) -> Program:
    programs = [builder(shape, conditions) for builder in builders]

    def run() -> None:
        for program in programs:
            program()

    return run


def _our_epoch(shape: Shape, conditions: Conditions) -> Program:
    """Run ceil(N / batch) iterations."""
    iterate, iterations = ce_gzsl_iteration(shape, conditions), math.ceil(shape.rows / shape.batch)

    def run() -> None:
        for _ in range(iterations):
            iterate()

    return run
