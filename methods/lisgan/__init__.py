"""LisGAN: leveraging the invariant side of generative zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.lisgan.params import LisGanParams

SPEC = MethodSpec(
    name="lisgan",
    title="LisGAN",
    paper="Li, Jing, Lu, Ding, Zhu, Huang: Leveraging the Invariant Side of Generative Zero-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1904.04092",
    params=LisGanParams,
    load="gzslbench_methods.lisgan.method:LisGan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """LisGAN."""
    return [SPEC]
