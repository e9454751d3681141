from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from gzslbench.files import LockedError, lock

ELSEWHERE = """
import os, sys, pathlib, time
from gzslbench.files import lock
with lock(pathlib.Path(sys.argv[1])):
  """


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


def test_the_lock_names_its_owner_and_leaves_no_file(path):
    with lock(path):
        with pytest.raises(LockedError, match=f"^process {os.getpid()} on ."), lock(path):
            pass
        assert path.exists()
    assert not path.exists()
    with lock(path):
        pass


@pytest.mark.acceptance
def test_another_process_is_refused_and_its_end_frees_the_lock(path):
    ended = subprocess.run([sys.executable, "-c", f"{ELSEWHERE}os._exit(3)", path], timeout=60)
    assert ended.returncode == 3 and path.exists()
    with lock(path):
        refused = subprocess.run(
            [sys.executable, "-c", f"{ELSEWHERE}pass", path], capture_output=True, timeout=60
        )
    assert f"LockedError: process {os.getpid()} on".encode() in refused.stderr


@pytest.mark.acceptance
def test_the_children_of_a_killed_process_do_not_keep_the_lock(path):
    fork = f"{ELSEWHERE}pid = os.fork()\n  time.sleep(0.5 if pid else 20)\n  os._exit(0)"
    subprocess.run([sys.executable, "-c", fork, path], timeout=15)
    with lock(path):
        pass


def test_threads_that_wait_have_the_lock_one_at_a_time(path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with lock(path, wait=True):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 40 and set(most) == {1}


def test_the_lock_is_free_again_after_an_error(path):
    with pytest.raises(ValueError, match="inside"), lock(path):
        raise ValueError("inside")
    with ExitStack() as stack:
        stack.enter_context(lock(path))


def test_the_file_can_stay(path):
    with lock(path, keep=True):
        pass
    assert path.exists()
    with lock(path):
        pass
    assert not path.exists()


def test_a_missing_folder_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError), lock(path / "no" / "lock"):
        pass
    assert not path.exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_drive_without_locks_is_a_warning(tmp_path, monkeypatch, code):
    refuse_locks(monkeypatch, code)
    for keep in (False, True):
        with (
            pytest.warns(RuntimeWarning, match=f"{tmp_path} keeps no locks"),
            lock(path := tmp_path / "lock", keep=keep),
        ):
            assert path.exists()
        assert path.exists() == keep


def test_a_lock_that_fails_otherwise_leaves_no_file(tmp_path, monkeypatch):
    refuse_locks(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"), lock(tmp_path / "lock"):
        pass
    assert list(tmp_path.iterdir()) == []


def refuse_locks(monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)


def test_a_look_at_the_lock_refuses_no_one(path, monkeypatch):
    """`sweep --status` has the lock of a sweep for a moment."""
    monkeypatch.setattr("gzslbench.files._A_LOOK_S", 60)  # a busy machine may be slow
    found, leave = threading.Event(), threading.Event()

    def look():
        with lock(path):
            found.set()
            leave.wait(60)

    thread = threading.Thread(target=look)
    thread.start()
    found.wait(60)
    threading.Timer(0.02, leave.set).start()
    with lock(path):
        pass
    thread.join()
