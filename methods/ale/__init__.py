"""ALE: attribute label embedding."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import MethodSpec, hookimpl
from gzslbench_methods.params import BilinearParams

SPEC = MethodSpec(
    name="ale",
    title="ALE",
    paper="Akata, Perronnin, Harchaoui, Schmid: Label-Embedding for Image Classification, TPAMI 2016",
    url="https://arxiv.org/abs/1503.08677",
    params=BilinearParams,
    load="gzslbench_methods.ale.method:Ale",
    plain="gzslbench_methods.ale.plain:PlainAle",
    kind="scoring",
    preprocessing="none",
    version=2,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ALE."""
    return [SPEC]
