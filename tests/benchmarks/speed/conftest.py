from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gzslbench_benchmarks.speed.conditions import Conditions


@pytest.fixture
def float64() -> Iterator[None]:
    """Everything made inside is double, so that two forms differ by rounding of 1e-16 only."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def conditions() -> Conditions:
    return Conditions(torch.device("cpu"), rounds=3, quick=True)


@pytest.fixture
def threads() -> Iterator[None]:
    """The number of threads is afterwards as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
