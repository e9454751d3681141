"""The loss of the cycle back to the semantics; the other losses are f-CLSWGAN's."""

from __future__ import annotations

from torch import Tensor, nn

from gzslbench_methods.precision import full


def cycle_loss(regressor: nn.Module, features: Tensor, semantics: Tensor) -> Tensor:
    """Mean squared length of a - R(x) (Felix et al. 2018).

    Args:
        regressor: R, ``(B, d)`` features to ``(B, a)`` semantics.
        features: ``(B, d)``, real to train the regressor, synthesized to train the generator.
        semantics: ``(B, a)`` of each row's class.
    """
    return (semantics - full(regressor(features))).square().sum(1).mean()
