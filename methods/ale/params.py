"""Parameters of ALE."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import param
from gzslbench_methods.bilinear_params import BilinearParams


@dataclass(frozen=True)
class AleParams(BilinearParams):
    """Those of bilinear compatibilities, and how violating classes are weighted."""

    weights: str = param(
        "rank",
        "how violating classes are weighted: rank, by how many there are, as the paper defines it; position,"
        " by a class's place among the others, as the reimplementation does that the presets come from",
        choices=("rank", "position"),
    )
