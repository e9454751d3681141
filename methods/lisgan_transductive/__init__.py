"""LisGAN's transductive second stage, as a head."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.hooks import hookimpl
from gzslbench_methods.lisgan_transductive.params import LisGanTransductiveParams

SPEC = HeadSpec(
    name="lisgan-transductive",
    title="LisGAN, stage two",
    paper="Li, Jing, Lu, Ding, Zhu, Huang: Leveraging the Invariant Side of Generative Zero-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1904.04092",
    params=LisGanTransductiveParams,
    load="gzslbench_methods.lisgan_transductive.head:LisGanTransductive",
    setting="transductive",
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """LisGAN's second stage."""
    return [SPEC]
