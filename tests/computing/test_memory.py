from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.computing.memory import Chunk, is_out_of_memory

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
    assert is_out_of_memory(error)


def test_another_error_is_not_a_shortage_and_is_raised():
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        Chunk(8).with_oom_backoff(lambda size: (_ for _ in ()).throw(RuntimeError("shapes differ")))


@given(rows=st.integers(0, 40), size=st.integers(1, 50), most=st.integers(1, 50))
def test_the_joined_parts_are_the_whole_for_any_size_that_fits(rows, size, most):
    chunk, whole = Chunk(size), torch.arange(rows)
    parts = list(chunk.map_chunks(whole, work_of_at_most(most)))
    assert torch.equal(torch.cat([whole[:0], *parts]), whole * 2)
    assert chunk.size <= size
    assert all(len(part) <= most for part in parts)


def test_a_shortage_is_logged_once_and_remembered(caplog):
    chunk = Chunk(64, "rows at once")
    for _ in range(2):
        list(chunk.map_chunks(torch.arange(100), work_of_at_most(40)))
    assert [record.getMessage() for record in caplog.records] == [
        "memory ran out: rows at once is 32 from now on"
    ]


def test_if_not_even_one_row_fits_the_shortage_is_raised():
    chunk = Chunk(4)
    with pytest.raises(MemoryError):
        list(chunk.map_chunks(torch.arange(3), work_of_at_most(0)))
    assert chunk.size == 1


def test_a_size_is_not_halved_below_the_least():
    tried = []

    def work(size):
        tried.append(size)
        raise MemoryError

    with pytest.raises(MemoryError):
        Chunk(40).with_oom_backoff(work, least=7)
    assert tried == [40, 20, 10, 7]


STEPS = """
import resource, torch
from contextlib import nullcontext
from gzslbench.computing.memory import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with freed_memory_kept() as kept:
    faults()
    inside = faults()
    with freed_memory_kept():
        pass
    still = faults()
print(kept, inside, still, faults())
"""


@pytest.mark.acceptance
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_large_blocks_are_mapped_once_and_kept_inside_and_returned_outside():
    ran = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    kept, inside, still, outside = ran.stdout.split()
    if kept == "False":
        pytest.skip("the C library here is not glibc")
    assert max(int(inside), int(still)) < int(outside) / 3
