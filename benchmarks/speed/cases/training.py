"""A whole training of ours at AWA2's shape and the published batch, on CUDA."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.ours import ce_gzsl_training
from gzslbench_benchmarks.speed.shapes import AWA2_BATCH

EPOCHS, QUICK_EPOCHS = 130, 2


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Yield nothing on a CPU, which would take hours, unless the shape is tiny."""
    if not (conditions.on_cuda or conditions.quick):
        return
    awa2 = conditions.shape("AWA2")
    shape, epochs = (awa2, QUICK_EPOCHS) if conditions.quick else (awa2.at(AWA2_BATCH), EPOCHS)
    build = partial(ce_gzsl_training, shape, conditions, epochs)
    ours = Contestant("ours", build, once=True, keeps_memory=True)
    yield Setting(f"AWA2, batch {shape.batch}, {epochs} epochs", [ours])
