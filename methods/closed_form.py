"""Sums over the training rows that closed-form methods are solved from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gzslbench_methods.late import functional

if TYPE_CHECKING:
    from torch import Tensor


def gram(rows: Tensor) -> Tensor:
    """``(n, d)`` rows to the ``(d, d)`` sum of their outer products, in float64."""
    rows = rows.double()
    return rows.t() @ rows


def class_sums(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """``(n, d)`` features to the ``(classes, d)`` sum of each class, in float64; 0 without rows."""
    sums = features.new_zeros(classes, features.shape[1], dtype=features.double().dtype)
    return sums.index_add(0, labels, features.double())


def class_counts(labels: Tensor, classes: int) -> Tensor:
    """``(classes,)`` rows of each class, in float64."""
    return functional.one_hot(labels, classes).sum(0).double()
