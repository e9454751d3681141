"""DEM: the deep embedding model."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.dem.params import DemParams

SPEC = MethodSpec(
    name="dem",
    title="DEM",
    paper="Zhang, Xiang, Gong: Learning a Deep Embedding Model for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1611.05088",
    params=DemParams,
    load="gzslbench_methods.dem.method:Dem",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DEM."""
    return [SPEC]
