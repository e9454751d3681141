from __future__ import annotations

import pytest

from gzslbench.errors import StoreError
from gzslbench.sweep.journal import Journal


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path, "suite")


def write(journal):
    with journal.held():
        journal.write("begun", who="me", counts={"new": 3, "done": 1}, total=4, to_run=3)
        journal.write("started", cell="a", where="process 1", attempt=1)
        journal.write("started", cell="b", where="process 2", attempt=1)
        journal.write("ended", cell="a", seconds=1.0, told={"task": "t", "H": 40.0})
        journal.write("ended", cell="b", seconds=1.0, failure="died: by SIGKILL")


def test_a_journal_tells_what_became_of_each_cell(journal):
    write(journal)
    found = journal.read()
    assert (found.total, found.to_run, found.ended, found.who) == (4, 3, 2, "me")
    assert found.counts == {"new": 3, "done": 1}
    assert found.best == {"t": (40.0, "a")} and found.failed == {"b": "died: by SIGKILL"}
    assert not found.alive and not found.running


def test_a_stopped_cell_neither_runs_nor_failed_nor_ended(journal):
    with journal.held():
        journal.write("begun", who="me", counts={"new": 1}, total=1, to_run=1)
        journal.write("started", cell="a", where="process 1", attempt=1)
        journal.write("stopped", cell="a", seconds=1.0)
    found = journal.read()
    assert (found.running, found.failed, found.ended) == ({}, {}, 0)


def test_it_knows_whether_its_sweep_is_at_work_and_lets_no_other_in(journal, tmp_path):
    with journal.held():
        journal.write("begun", who="process 1 on here", counts={}, total=0, to_run=0)
        assert Journal(tmp_path, "suite").read().alive
        with pytest.raises(StoreError, match=r"process 1 on here"), Journal(tmp_path, "suite").held():
            pass
        with Journal(tmp_path, "another").held():
            pass
    assert not journal.read().alive


def test_a_torn_line_is_passed_over_and_the_next_sweep_begins_on_a_new_one(journal):
    write(journal)
    with journal.file.open("a") as file:
        file.write('{"event": "started", "ce')
    with journal.held():
        journal.write("started", cell="b", where="process 3", attempt=1)
        journal.write("ended", cell="b", seconds=1.0, told={"task": "t", "H": 50.0})
    found = journal.read()
    assert found.failed == {} and found.best == {"t": (50.0, "b")} and set(found.done) == {"a", "b"}


def test_without_a_journal_nothing_is_told(journal):
    assert journal.read().total == 0
