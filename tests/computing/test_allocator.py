from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import resource, torch
from contextlib import nullcontext
from gzslbench.computing.allocator import freed_memory_kept

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_large_blocks_are_mapped_once_and_kept_inside_and_given_back_as_ever_outside():
    ran = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    kept, inside, still, outside = ran.stdout.split()
    if kept == "False":
        pytest.skip("the C library here is not glibc")
    assert max(int(inside), int(still)) < int(outside) / 3
