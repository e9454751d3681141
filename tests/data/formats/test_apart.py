"""Reading in a process of its own: values come back, and what happens to the process is an error."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gzslbench.data.formats.apart import CrashError, read_apart
from gzslbench.errors import DataError

pytestmark = pytest.mark.acceptance


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    return path


def test_arrays_and_other_values_come_back(file):
    arrays = {
        "x": np.arange(12.0).reshape(3, 4),
        "y": np.asfortranarray(np.ones((2, 3))),
        "z": np.array(["ä"]),
    }
    found = read_apart(file, lambda: (arrays, [1, "ä"], None))
    assert found[1:] == ([1, "ä"], None)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[0][name], array)
    found[0]["x"][0, 0] = 7.0  # it may be changed


def test_arrays_begin_where_any_type_may_begin(file):
    found = read_apart(file, lambda: [np.ones(3, np.int8), np.arange(5.0), "x" * 13, np.ones((2, 3))])
    assert all(array.ctypes.data % 64 == 0 for array in found if isinstance(array, np.ndarray))


def test_an_error_comes_back_whole(file):
    def read():
        raise DataError("bad", where="there", fix="correct it")

    with pytest.raises(DataError) as caught:
        read_apart(file, read)
    assert (caught.value.what, caught.value.where, caught.value.fix) == ("bad", "there", "correct it")


def test_a_crash_is_an_error_and_ends_only_the_process_that_reads(file):
    with pytest.raises(CrashError, match="-11"):
        read_apart(file, lambda: os.kill(os.getpid(), signal.SIGSEGV))


def test_a_reading_without_end_is_stopped(file):
    def read():
        while True:
            pass

    start = time.monotonic()
    with pytest.raises(CrashError, match="does not end"):
        read_apart(file, read, 1)
    assert time.monotonic() - start < 60


def test_memory_is_bounded(file):
    with pytest.raises(MemoryError):
        read_apart(file, lambda: bytearray(2**36))


def test_a_hard_limit_of_cpu_time_below_ours_is_kept():
    code = """
import resource
from pathlib import Path
from gzslbench.data.formats.apart import read_apart
resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
print(read_apart(Path(__file__), lambda: resource.getrlimit(resource.RLIMIT_CPU), 1000))
"""
    done = subprocess.run(
        [sys.executable, "-c", code.replace("__file__", repr(__file__))], text=True, capture_output=True
    )
    assert done.stdout == "(50, 50)\n", done.stderr
