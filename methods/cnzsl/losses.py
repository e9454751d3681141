"""CNZSL's scores and its loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from gzslbench_methods.precision import full


def scaled_cosines(features: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    """``(n, C)`` inner products of features and prototypes, both brought to length ``scale``.

    The normalize + scale trick of Skorokhodov & Elhoseiny 2021.
    """
    one, other = (scale * functional.normalize(full(each), dim=1) for each in (features, prototypes))
    return one @ other.t()


def class_loss(features: Tensor, prototypes: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Softmax cross-entropy over the seen classes.

    Args:
        features: ``(B, d)``.
        prototypes: ``(C, d)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        scale: As in ``scaled_cosines``.
    """
    return functional.cross_entropy(scaled_cosines(features, prototypes, scale), labels)
