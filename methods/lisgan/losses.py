"""LisGAN's two regularizers by soul samples; the other losses are f-CLSWGAN's."""

from __future__ import annotations

from torch import Tensor

from gzslbench_methods.precision import full
from gzslbench_methods.prototypes import nearest_prototype


def soul_loss(features: Tensor, souls: Tensor) -> Tensor:
    """Mean squared distance to the nearest soul sample of the own class (Li et al. 2019, L_R1 and L_R2).

    Args:
        features: ``(n, d)`` synthesized features, or means of such.
        souls: ``(n, k, d)`` soul samples of each row's class.
    """
    return nearest_prototype(full(features), souls).mean()
