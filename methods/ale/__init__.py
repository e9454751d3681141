"""ALE: attribute label embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, param
from gzslbench_methods.params import BilinearParams


@dataclass(frozen=True)
class AleParams(BilinearParams):
    """Those of bilinear compatibilities, and how violating classes are weighted."""

    weights: str = param(
        "rank",
        "how violating classes are weighted: rank, by how many there are, as the paper defines it; position,"
        " by a class's place among the others, as the reimplementation does that the presets come from",
        choices=("rank", "position"),
    )


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
