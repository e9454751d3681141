"""ALE: attribute label embedding."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.ale.params import AleParams

SPEC = MethodSpec(
    name="ale",
    title="ALE",
    paper="Akata, Perronnin, Harchaoui, Schmid: Label-Embedding for Image Classification, TPAMI 2016",
    url="https://arxiv.org/abs/1503.08677",
    params=AleParams,
    load="gzslbench_methods.ale.method:Ale",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ALE."""
    return [SPEC]
