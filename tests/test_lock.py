from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from gzslbench.files import HeldError, acquire, release

ELSEWHERE = (
    "import os, sys, pathlib; from gzslbench.files import acquire\n"
    "file = acquire(pathlib.Path(sys.argv[1]))\n"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


def test_it_is_held_by_one_which_is_named_and_no_file_stays(path):
    file = acquire(path)
    with pytest.raises(HeldError, match=f"process {os.getpid()} on"):
        acquire(path)
    release(path, file)
    assert not path.exists()
    release(path, acquire(path))


def test_another_process_is_refused_and_its_end_frees_the_lock(path):
    ended = subprocess.run([sys.executable, "-c", f"{ELSEWHERE}os._exit(3)", path], timeout=60)
    assert ended.returncode == 3 and path.exists()
    file = acquire(path)
    refused = subprocess.run([sys.executable, "-c", ELSEWHERE, path], capture_output=True, timeout=60)
    assert f"HeldError: process {os.getpid()} on".encode() in refused.stderr
    release(path, file)


def test_the_children_of_a_killed_process_are_waited_for(path):
    fork = f"{ELSEWHERE}import time\nif os.fork(): os._exit(0)\ntime.sleep(2)"
    subprocess.run([sys.executable, "-c", fork, path], timeout=60)
    release(path, acquire(path))


def test_many_that_wait_hold_it_one_at_a_time_though_each_removes_the_file(path):
    inside, most = [], []

    def work():
        for _ in range(50):
            file = acquire(path, wait=True)
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            release(path, file)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 200 and set(most) == {1}


def test_a_folder_that_is_not_there_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError):
        acquire(path / "no" / "lock")
