"""f-CLSWGAN's classification loss; the critic's terms are in ``gzslbench_methods.critic_terms``."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gzslbench_methods.precision import full


def classification_loss(classifier: nn.Module, features: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labels (L_CLS of Xian et al. 2018).

    Args:
        classifier: ``(B, d)`` features to ``(B, C)`` logits.
        features: ``(B, d)``, real to train the classifier, synthesized to train the generator.
        labels: ``(B,)`` in 0..C-1.
    """
    return functional.cross_entropy(full(classifier(features)), labels)
