from __future__ import annotations

import errno
import os
from contextlib import contextmanager

import pytest

from gzslbench.errors import StoreError
from gzslbench.sweeps.sweep_log import SweepLog


@pytest.fixture
def log(tmp_path):
    return SweepLog(tmp_path, "suite")


def write_lines(log):
    with log.open():
        log.write("begun", who="me", counts={"new": 3, "done": 1}, total=4, to_run=3)
        log.write("started", cell="a", where="process 1", attempt=1)
        log.write("started", cell="b", where="process 2", attempt=1)
        log.write("ended", cell="a", seconds=1.0)
        log.write("ended", cell="b", seconds=1.0, failure="died: by SIGKILL")


def test_a_log_says_what_became_of_each_cell(log):
    write_lines(log)
    found = log.read()
    assert (found.total, found.to_run, found.ended, found.who) == (4, 3, 2, "me")
    assert found.counts == {"new": 3, "done": 1}
    assert found.done == 1 and found.failed == {"b": "died: by SIGKILL"}
    assert not found.alive and not found.running


def test_a_stopped_cell_counts_as_neither_running_nor_failed_nor_ended(log):
    with log.open():
        log.write("begun", who="me", counts={"new": 1}, total=1, to_run=1)
        log.write("started", cell="a", where="process 1", attempt=1)
        log.write("stopped", cell="a", seconds=1.0)
    found = log.read()
    assert (found.running, found.failed, found.ended) == ({}, {}, 0)


def test_a_log_is_alive_while_its_sweep_runs_and_no_other_can_open_it(log, tmp_path):
    with log.open():
        log.write("begun", who="process 1 on here", counts={}, total=0, to_run=0)
        assert SweepLog(tmp_path, "suite").read().alive
        with (
            pytest.raises(StoreError, match=rf"process {os.getpid()} on"),
            SweepLog(tmp_path, "suite").open(),
        ):
            pass
        with SweepLog(tmp_path, "another").open():
            pass
    assert not log.read().alive


def test_a_torn_line_is_ignored_and_the_next_sweep_starts_a_new_one(log):
    write_lines(log)
    with log.file.open("a") as file:
        file.write('{"event": "started", "ce')
    with log.open():
        log.write("started", cell="b", where="process 3", attempt=1)
        log.write("ended", cell="b", seconds=1.0)
    found = log.read()
    assert found.failed == {} and found.done == 2


def test_a_missing_log_says_nothing(log):
    assert log.read().total == 0


def test_a_log_of_version_0_1_is_read(log):
    log.file.parent.mkdir()
    log.file.write_text(
        '\n{"event": "begun", "time": "2026-01-01T00:00:00+00:00", "who": "process 7 on here",'
        ' "counts": {"new": 2}, "total": 2, "to_run": 2}\n'
        '{"event": "started", "time": "2026-01-01T00:00:01+00:00", "cell": "a", "where": "process 8",'
        ' "attempt": 1}\n'
        '{"event": "ended", "time": "2026-01-01T00:00:02+00:00", "cell": "a", "seconds": 1.0,'
        ' "told": {"status": "complete", "task": "t", "H": 41.5, "failure": null}}\n'
    )
    found = log.read()
    assert (found.who, found.total, found.ended) == ("process 7 on here", 2, 1)
    assert found.done == 1 and not found.alive and not found.running


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "begun", "time": "2026-01-01T00:00:00", "counts": {}}',
        '{"event": "begun", "time": "yesterday", "total": 9}',
        '{"event": "begun", "time": "2026-01-01T00:00:00+00:00", "total": "9"}',
        '{"event": "begun", "time": "2026-01-01T00:00:00+00:00", "to_run": -9}',
        '{"event": "begun", "time": "2026-01-01T00:00:00+00:00", "counts": {"impossible": []}}',
        '{"event": "started", "time": "2026-01-01T00:00:00+00:00", "cell": ["b"], "where": "here"}',
        '{"event": "ended", "time": "2026-01-01T00:00:00+00:00", "cell": "a", "failure": 7}',
        '{"event": 1}',
        "[]",
        "null",
        "[" * 100_000,
    ],
)
def test_a_line_of_other_content_is_ignored(log, line):
    write_lines(log)
    before = log.read()
    with log.file.open("a") as file:
        file.write(f"{line}\n")
    assert log.read() == before


def test_a_log_that_cannot_be_locked_is_an_error_that_says_so(log, monkeypatch):
    @contextmanager
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield

    monkeypatch.setattr("gzslbench.sweeps.sweep_log.lock", full)
    with pytest.raises(StoreError, match="cannot be written: No space left"), log.open():
        pass
