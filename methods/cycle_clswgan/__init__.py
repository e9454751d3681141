"""cycle-CLSWGAN: multi-modal cycle-consistent generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.cycle_clswgan.params import CycleClswganParams

SPEC = MethodSpec(
    name="cycle-clswgan",
    title="cycle-CLSWGAN",
    paper="Felix, Kumar, Reid, Carneiro: Multi-modal Cycle-consistent Generalized Zero-Shot Learning,"
    " ECCV 2018",
    url="https://arxiv.org/abs/1808.00136",
    params=CycleClswganParams,
    load="gzslbench_methods.cycle_clswgan.method:CycleClswgan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """cycle-CLSWGAN."""
    return [SPEC]
