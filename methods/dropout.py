"""Dropout whose masks come from the batch, as every other random number of a loss does."""

from __future__ import annotations

from torch import Tensor

from gzslbench.training.batch import Batch


def dropped(values: Tensor, rate: float, batch: Batch | None) -> Tensor:
    """``values``, each set to 0 with probability ``rate`` and else divided by 1 - ``rate``.

    Args:
        values: ``(n, m)``.
        rate: In [0, 1).
        batch: Of the step; None in evaluation.
    """
    if batch is None or rate == 0:
        return values
    keep = batch.uniform(*values.shape) >= rate
    return values * (keep.to(values.dtype) / (1 - rate))
