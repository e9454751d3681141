from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import resource, torch
from gzslbench.training.allocator import keep_freed_memory
kept = {kept} and keep_freed_memory()
for _ in range(20):
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(1 << 24)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept: bool) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", STEPS.format(kept=kept)], capture_output=True, text=True, check=True
    )
    worked, count = ran.stdout.split()
    if kept and worked == "False":
        pytest.skip("the C library here is not glibc")
    return int(count)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_blocks_of_many_megabytes_are_mapped_once_and_then_kept():
    assert faults(kept=True) < faults(kept=False) / 3
