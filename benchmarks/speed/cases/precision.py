"""What a lower precision saves: our CE-GZSL iteration in each precision of the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.ours import ce_gzsl_iteration

SHAPES = ("AWA2", "CUB-sent")


def settings(conditions: Conditions) -> Iterator[Setting]:
    """fp32 first, at any --precision; only CUDA has TF32."""
    precisions = ("fp32", "tf32", "bf16") if conditions.on_cuda else ("fp32", "bf16")
    for name in SHAPES:
        shape = conditions.shape(name)
        contestants = [
            Contestant(
                f"ours, {each}",
                partial(ce_gzsl_iteration, shape, replace(conditions, precision=each)),
                keeps_memory=True,
            )
            for each in precisions
        ]
        yield Setting(f"{name}, batch {shape.batch}", contestants)
