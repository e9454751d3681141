from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import warnings

import pytest

from gzslbench.runs import store as module
from gzslbench.runs.store import INDEX, DamagedRecordWarning, RunFolder, Store, read_summaries


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
    read, plain = [], RunFolder.record
    monkeypatch.setattr(RunFolder, "record", lambda folder: (read.append(folder.id), plain(folder))[1])
    return read


def test_a_record_is_read_once(store, monkeypatch):
    read = reads(monkeypatch)
    first = read_summaries(store)
    assert sorted(read) == ["one", "two"]
    assert read_summaries(store) == first
    assert len(read) == 2


def test_summaries_are_those_of_the_records(store):
    records = [folder.record() for folder in store.runs()]
    for summary, record in zip(read_summaries(store), records, strict=True):
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
    assert set(json.loads((store.root / INDEX).read_text())) == {"one", "three"}


@pytest.mark.parametrize("damage", [b"", b"not an index", b'{"one": ["1 2 3", {}]}', b"\xff" * 50])
def test_an_index_that_is_damaged_is_replaced(store, damage):
    read_summaries(store)
    (store.root / INDEX).write_bytes(damage)
    assert ids(store) == ["one", "two"]
    assert ids(store) == ["one", "two"]


def test_a_folder_that_cannot_be_written_is_listed_all_the_same(store, monkeypatch):
    def refuse(path):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module, "atomic_path", refuse)
    assert ids(store) == ["one", "two"]


def test_a_damaged_record_is_named_and_the_others_are_there(store):
    text = json.loads(store.run("one").record_file.read_text())
    text["metrics"]["last"]["H"] = 101
    store.run("one").record_file.write_text(json.dumps(text))
    with pytest.warns(DamagedRecordWarning, match="metrics"):
        assert ids(store) == ["two"]


def test_nothing_is_written_where_there_is_nothing(tmp_path):
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
    assert set(json.loads((store.root / INDEX).read_text())) == set(ids(store))
