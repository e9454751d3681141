"""LisGAN's transductive second stage, as a head."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import HeadSpec, Params, hookimpl, param


@dataclass(frozen=True)
class LisGanTransductiveParams(Params):
    """How much of the second stage there is."""

    ratio: float = param(0.6, "share of the test rows that are added, the surest first", low=0, high=1)
    second_epochs: int = param(50, "epochs with the added rows", low=1, unit="epochs")


SPEC = HeadSpec(
    name="lisgan-transductive",
    title="LisGAN, stage two",
    paper="Li, Jing, Lu, Ding, Zhu, Huang: Leveraging the Invariant Side of Generative Zero-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1904.04092",
    params=LisGanTransductiveParams,
    load="gzslbench_methods.heads.lisgan_transductive.head:LisGanTransductive",
    setting="transductive",
    version=2,
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """LisGAN's second stage."""
    return [SPEC]
