"""Weights that follow the epoch."""

from __future__ import annotations

from torch import Tensor


def warmed_up(weight: float, epoch: Tensor, start: float, end: float) -> Tensor:
    """0 until ``start``, then linearly to ``weight`` at ``end``, where it stays.

    Args:
        weight: The last value.
        epoch: ``()`` completed epochs, on the device.
        start: Last epoch of weight 0.
        end: First epoch of the whole weight, later than ``start``.
    """
    return weight * ((epoch - start) / (end - start)).clamp(0, 1)
