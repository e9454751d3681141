from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import warnings
from contextlib import closing

import pytest

from gzslbench.runs import store as module
from gzslbench.runs.store import INDEX, DamagedRecordWarning, Store, read_summaries


@pytest.fixture
def record(make_record):
    return make_record()


@pytest.fixture
def store(tmp_path, record):
    store = Store(tmp_path)
    for name in ("one", "two"):
        write(store, record, name)
    return store


def write(store, record, name):
    from dataclasses import replace

    folder = store.run(name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_record(replace(record, id=name))


def ids(store):
    return [summary.id for summary in read_summaries(store)]


def reads(monkeypatch):
    """Counts the records that are read."""
    read, plain = [], module._read_record
    monkeypatch.setattr(module, "_read_record", lambda folder: (read.append(folder.id), plain(folder))[1])
    return read


def test_a_record_is_read_once(store, monkeypatch):
    read = reads(monkeypatch)
    first = read_summaries(store)
    assert sorted(read) == ["one", "two"]
    assert read_summaries(store) == first
    assert len(read) == 2


def test_summaries_are_those_of_the_records(store):
    for summary, record in zip(read_summaries(store), store.records(), strict=True):
        assert (summary.id, summary.metrics, summary.cell) == (record.id, record.metrics, record.cell)
        assert summary.run.seconds_train == record.run.seconds_train


def test_what_changes_is_read_again_and_what_is_gone_is_gone(store, record, monkeypatch):
    read_summaries(store)
    read = reads(monkeypatch)
    write(store, record, "three")
    os.utime(store.run("one").record_file, ns=(1, 1))
    shutil.rmtree(store.run("two").path)
    assert ids(store) == ["one", "three"]
    assert sorted(read) == ["one", "three"]
    with sqlite3.connect(store.root / INDEX) as database:
        assert {name for (name,) in database.execute("SELECT name FROM runs")} == {"one", "three"}


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to be looked at" * 50])
def test_an_index_that_is_damaged_is_made_anew(store, damage):
    read_summaries(store)
    (store.root / INDEX).write_bytes(damage)
    assert ids(store) == ["one", "two"]
    assert ids(store) == ["one", "two"]


def test_an_index_of_another_version_is_made_anew(store, monkeypatch):
    read_summaries(store)
    monkeypatch.setattr(module, "_VERSION", module._VERSION + 1)
    read = reads(monkeypatch)
    assert ids(store) == ["one", "two"]
    assert len(read) == 2


def test_a_folder_that_cannot_be_written_is_listed_all_the_same(store, monkeypatch):
    def refuse(root):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(module, "_open_index", refuse)
    assert ids(store) == ["one", "two"]


def test_a_damaged_record_is_named_and_the_others_are_there(store):
    text = json.loads(store.run("one").record_file.read_text())
    text["metrics"]["last"]["H"] = 101
    store.run("one").record_file.write_text(json.dumps(text))
    with pytest.warns(DamagedRecordWarning, match="metrics.last.H"):
        assert ids(store) == ["two"]


def test_nothing_is_made_where_there_is_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_summaries(Store(tmp_path / "none")) == []
        assert read_summaries(Store(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.acceptance
def test_processes_that_write_and_list_at_once_lose_nothing(store, record):
    def work(own):
        for number in range(25):
            write(store, record, f"{own}-{number}")
            assert f"{own}-{number}" in ids(store)

    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(own,)) for own in ("red", "blue", "green")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    expected = {f"{own}-{number}" for own in ("red", "blue", "green") for number in range(25)}
    assert set(ids(store)) == expected | {"one", "two"}
    with closing(sqlite3.connect(store.root / INDEX)) as kept:
        assert {name for (name,) in kept.execute("SELECT name FROM runs")} == set(ids(store))
