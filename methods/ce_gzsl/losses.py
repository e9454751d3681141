"""The two contrastive losses of CE-GZSL."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench_methods.precision import full


def instance_loss(z: Tensor, labels: Tensor, temperature: float, classes: int) -> Tensor:
    """Instance-level contrast of Han et al. 2021: the supervised "out" form of Khosla et al. 2020.

    For each anchor the mean, over the other rows of its class, of the negative log-softmax of its
    similarities to all other rows; then the mean over the anchors whose class has another row. Zero where
    there is no such anchor (the published code divides 0 by 0 there).

    The mean similarity to the positives comes from the class sums of ``z``, so the only B x B matrix is
    the one of the similarities. In float32 throughout: bfloat16 cannot count past 256 rows of a class.

    Args:
        z: ``(B, e)`` of unit length.
        labels: ``(B,)`` in 0..classes-1.
        temperature: Divides the similarities, > 0.
        classes: Number of classes.
    """
    with torch.autocast(z.device.type, enabled=False):
        z = full(z)
        others = (z / temperature) @ z.t()
        others.diagonal().fill_(torch.finfo(z.dtype).min)  # in place: a product's gradient does not need it
        sums = z.new_zeros(classes, z.shape[1]).index_add(0, labels, z)
        counts = z.new_zeros(classes).index_add(0, labels, z.new_ones(len(z)))
        positives = (counts - 1).index_select(0, labels)
        toward = ((sums.index_select(0, labels) - z) * z).sum(1) / (temperature * positives.clamp(min=1))
        anchor = (positives > 0).to(z.dtype)
        return (anchor * (others.logsumexp(1) - toward)).sum() / anchor.sum().clamp(min=1)


def class_loss(scores: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Class-level contrast of Han et al. 2021: softmax cross-entropy over the seen classes.

    Args:
        scores: ``(B, C)`` of the comparator.
        labels: ``(B,)`` in 0..C-1.
        temperature: Divides the scores, > 0.
    """
    with torch.autocast(scores.device.type, enabled=False):
        return functional.cross_entropy(full(scores) / temperature, labels)
