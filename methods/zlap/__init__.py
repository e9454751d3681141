"""ZLAP: a prototype head with zero-shot logit adjustment."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.hooks import hookimpl
from gzslbench_methods.zlap.params import ZlapParams

SPEC = HeadSpec(
    name="zlap",
    title="ZLAP",
    paper="Chen, Shen, Zhang, Torr: Zero-Shot Logit Adjustment, IJCAI 2022",
    url="https://arxiv.org/abs/2204.11822",
    params=ZlapParams,
    load="gzslbench_methods.zlap.head:Zlap",
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """ZLAP."""
    return [SPEC]
