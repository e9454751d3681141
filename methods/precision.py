"""What is summed over a batch is summed in float32, also where autocast has lowered the products."""

from __future__ import annotations

import torch
from torch import Tensor


def full(values: Tensor) -> Tensor:
    """``values`` in float32; doubles stay what they are."""
    return values if values.dtype == torch.float64 else values.float()
