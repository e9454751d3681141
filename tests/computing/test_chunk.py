from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.computing.chunk import Chunk, is_shortage

SHORTAGES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    MemoryError(),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
]


def work_of_at_most(most, error=MemoryError):
    def work(rows):
        if len(rows) > most:
            raise error
        return rows * 2

    return work


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda e: type(e).__name__)
def test_every_kind_of_shortage_is_known(error):
    assert is_shortage(error)


def test_another_error_is_no_shortage_and_passes_through():
    assert not is_shortage(RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        Chunk(8).fit(lambda size: (_ for _ in ()).throw(RuntimeError("shapes differ")))


@given(rows=st.integers(0, 40), size=st.integers(1, 50), most=st.integers(1, 50))
def test_the_parts_joined_are_the_whole_whatever_fits(rows, size, most):
    chunk, whole = Chunk(size), torch.arange(rows)
    parts = list(chunk.over(whole, work_of_at_most(most)))
    assert torch.equal(torch.cat([whole[:0], *parts]), whole * 2)
    assert chunk.size <= size
    assert all(len(part) <= most for part in parts)


def test_a_shortage_is_told_once_and_remembered(caplog):
    chunk = Chunk(64, "rows at once")
    for _ in range(2):
        list(chunk.over(torch.arange(100), work_of_at_most(40)))
    assert [record.getMessage() for record in caplog.records] == [
        "memory ran out: rows at once is 32 from here on"
    ]


def test_where_not_even_one_fits_the_shortage_is_raised():
    chunk = Chunk(4)
    with pytest.raises(MemoryError):
        list(chunk.over(torch.arange(3), work_of_at_most(0)))
    assert chunk.size == 1


def test_a_size_that_smaller_ones_would_not_better_is_not_halved():
    tried = []

    def work(size):
        tried.append(size)
        raise MemoryError

    with pytest.raises(MemoryError):
        Chunk(40).fit(work, least=7)
    assert tried == [40, 20, 10, 7]
