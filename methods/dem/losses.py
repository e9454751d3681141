"""DEM's loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from gzslbench_methods.precision import full


def embedding_loss(embedded: Tensor, features: Tensor) -> Tensor:
    """Mean squared difference of embedded semantics and features (Zhang et al. 2017, without its penalty).

    Args:
        embedded: ``(B, d)`` what the network makes of the semantics of each row's class.
        features: ``(B, d)``.
    """
    return functional.mse_loss(full(embedded), features)
