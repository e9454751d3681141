from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
import torch

from gzslbench_benchmarks.speed import memory_probe
from gzslbench_benchmarks.speed.memory_probe import high_water_mark, peak_of
from gzslbench_benchmarks.speed.ours import ce_gzsl_iteration
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_iteration
from gzslbench_benchmarks.speed.shapes import SHAPES

pytestmark = pytest.mark.acceptance

# The matrix of all pairs takes 256 * 200 * (192 + 64) floats: 50 MiB; all else takes little.
SHAPE = replace(
    SHAPES["SUN"].tiny(), rows=256, batch=256, classes=200, semantics=64, embedding=192, comparator=32
)
PAIR_MATRIX = 256 * 200 * (192 + 64) * 4


def test_peak_of_the_pair_matrix_form_holds_that_matrix_and_ours_does_not(conditions):
    taken = torch.ones(PAIR_MATRIX, dtype=torch.uint8)  # which is nothing to the other process
    assert high_water_mark() > PAIR_MATRIX
    pairs = peak_of(pair_matrix_iteration, SHAPE, conditions)
    assert PAIR_MATRIX < pairs < 8 * PAIR_MATRIX
    assert 0 < peak_of(ce_gzsl_iteration, SHAPE, conditions) < PAIR_MATRIX / 2
    del taken


@pytest.mark.parametrize(
    ("code", "said", "message", "raised"),
    [
        (-9, "", "killed", MemoryError),
        (1, "RuntimeError: DefaultCPUAllocator: can't allocate", "can't allocate", MemoryError),
        (1, "torch.OutOfMemoryError: CUDA out of memory.", "CUDA out of memory", MemoryError),
        (1, "Traceback ...\nValueError: wrong", "ValueError: wrong", RuntimeError),
        (1, "", "no reason given", RuntimeError),
    ],
)
def test_a_failed_process_says_whether_memory_ran_out(monkeypatch, conditions, code, said, message, raised):
    done = subprocess.CompletedProcess([], code, stdout="", stderr=said)
    monkeypatch.setattr(memory_probe.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(raised, match=message):
        peak_of(ce_gzsl_iteration, SHAPE, conditions)
