from __future__ import annotations

import pytest
import torch

from gzslbench.plugins import Batch
from gzslbench_methods.layers import dropout


def batch_of(rows, seed=3):
    labels = torch.zeros(rows, dtype=torch.int64)
    return Batch(torch.zeros(rows, 2), labels, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.1, 0.4, 0.7])
def test_dropout_keeps_what_is_drawn_at_or_above_the_rate_and_scales_it(dtype, rate):
    values = (torch.randn(5, 40, generator=torch.Generator().manual_seed(0)) + 3).to(dtype)
    before = values.clone()
    keys = torch.rand(5, 40, generator=torch.Generator().manual_seed(3)).tolist()
    found = dropout(values, rate, batch_of(5))
    scale = (torch.ones((), dtype=dtype) / (1 - rate)).item()
    for row, drawn, kept in zip(values.double().tolist(), keys, found.double().tolist(), strict=True):
        for value, key, left in zip(row, drawn, kept, strict=True):
            assert left == (pytest.approx(value * scale, rel=0.01) if key >= rate else 0)
    assert found.dtype == dtype and torch.equal(values, before)


def test_dropped_values_have_no_gradient():
    values = torch.randn(4, 30, requires_grad=True)
    found = dropout(values, 0.5, batch_of(4))
    found.sum().backward()
    assert torch.equal(values.grad != 0, found != 0)
