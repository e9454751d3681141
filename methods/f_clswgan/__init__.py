"""f-CLSWGAN: feature generating networks for zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.f_clswgan.params import FClswganParams

SPEC = MethodSpec(
    name="f-clswgan",
    title="f-CLSWGAN",
    paper="Xian, Lorenz, Schiele, Akata: Feature Generating Networks for Zero-Shot Learning, CVPR 2018",
    url="https://arxiv.org/abs/1712.00981",
    params=FClswganParams,
    load="gzslbench_methods.f_clswgan.method:FClswgan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """f-CLSWGAN."""
    return [SPEC]
