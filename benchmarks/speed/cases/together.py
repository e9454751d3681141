"""One iteration of several seeds: as one program, and one seed after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.ours import ce_gzsl_together, f_clswgan_together
from gzslbench_benchmarks.speed.shapes import DIGITS, FLO_LITE0, Shape

SEEDS = 4
Builder = Callable[..., Program]


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Small networks and larger ones; one after another comes first, for it is what a user has otherwise."""
    trained: tuple[tuple[str, Builder, Shape], ...] = (
        ("f-CLSWGAN", f_clswgan_together, DIGITS),
        ("CE-GZSL", ce_gzsl_together, DIGITS),
        ("f-CLSWGAN", f_clswgan_together, FLO_LITE0.at(64)),
        ("CE-GZSL", ce_gzsl_together, FLO_LITE0),
    )
    for method, builder, full in trained:
        shape = full.tiny() if conditions.quick else full
        contestants = [
            Contestant(
                f"ours, {name}", partial(builder, shape, conditions, SEEDS, as_one=as_one), keeps_memory=True
            )
            for name, as_one in (("one after another", False), ("together", True))
        ]
        yield Setting(f"{method}, {shape.name}, batch {shape.batch}, {SEEDS} seeds", contestants)
