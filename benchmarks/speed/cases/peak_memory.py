"""Peak memory of a CE-GZSL iteration at CUB's shape and the published batch, against the pair-matrix form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import peak_of
from gzslbench_benchmarks.speed.ours import ce_gzsl_iteration
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_iteration

BATCH = 2048


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Measure only memory; the pair-matrix form needs about 12 GiB, and minutes on a few cores."""
    cub = conditions.shape("CUB-sent")
    shape = cub if conditions.quick else cub.at(BATCH)
    contestants = [
        Contestant("ours", memory=partial(peak_of, ce_gzsl_iteration, shape, conditions, keeps_memory=True)),
        Contestant("pair-matrix form", memory=partial(peak_of, pair_matrix_iteration, shape, conditions)),
    ]
    yield Setting(f"CUB-sent, batch {shape.batch}", contestants)
