"""Parameters of SJE."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import param
from gzslbench_methods.bilinear_params import BilinearParams


@dataclass(frozen=True)
class SjeParams(BilinearParams):
    """Those of bilinear compatibilities, and how the most violating class is found."""

    search: str = param(
        "plain",
        "by which scores the most violating class is found: plain, those of the method; scaled, those of the"
        " images at mean 0 and deviation 1, as the reimplementation does that the presets come from",
        choices=("plain", "scaled"),
    )
