"""Parameters of DeViSE."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import param
from gzslbench_methods.bilinear_params import BilinearParams


@dataclass(frozen=True)
class DeviseParams(BilinearParams):
    """Those of bilinear compatibilities, and which hinges count."""

    terms: str = param(
        "all",
        "which hinges of a row are summed: all, or the first violating class alone, in the order of classes",
        choices=("all", "first"),
    )
