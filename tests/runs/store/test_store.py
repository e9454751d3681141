from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.errors import StoreError
from gzslbench.runs.store import DamagedRecordWarning, Store, read_summaries


def keep(store: Store, record) -> None:
    folder = store.run(record.id)
    with folder.lock():
        folder.write_record(record)


def test_constructing_a_store_touches_no_disk(store: Store) -> None:
    assert store.runs() == []
    assert store.run("a").record() is None
    assert not store.root.exists()


def test_making_the_store_leaves_an_empty_folder(store: Store) -> None:
    store.make()
    store.make()
    assert list(store.root.iterdir()) == []


def test_a_file_in_place_of_the_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    for root in (tmp_path / "results", tmp_path / "results" / "deeper"):
        with pytest.raises(StoreError, match="blocks the path") as caught:
            Store(root).make()
        assert caught.value.where == str(root)
    assert (tmp_path / "results").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="--results"):
            Store(tmp_path).make()
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.EROFS, "--results"), (errno.EACCES, "--results"), (errno.ENOSPC, "free some space")],
)
def test_a_store_that_takes_no_file_is_refused(store: Store, monkeypatch, code: int, advice: str) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(StoreError, match=advice) as caught:
        store.make()
    assert caught.value.where == str(store.root)
    assert list(store.root.iterdir()) == []


def test_records_come_back_as_written_in_order(store: Store, make_record) -> None:
    written = [make_record(id=name) for name in ("b", "a", "c")]
    for record in written:
        keep(store, record)
    assert [folder.id for folder in store.runs()] == ["a", "b", "c"]
    assert [folder.record() for folder in store.runs()] == sorted(written, key=lambda record: record.id)


def test_damaged_records_are_named_and_left_out(store: Store, make_record) -> None:
    for name in ("a", "b", "c"):
        keep(store, make_record(id=name))
    store.run("a").record_file.write_text("{")
    store.run("b").path.rename(store.root / "copy-of-b")
    with pytest.warns(DamagedRecordWarning) as caught:
        good = [summary.id for summary in read_summaries(store)]
    assert good == ["c"]
    text = "\n".join(str(warning.message) for warning in caught)
    assert str(store.run("a").record_file) in text
    assert "name the folder b" in text


def test_a_run_is_found_by_id_by_a_beginning_and_by_path(store: Store, make_record) -> None:
    for name in ("ce-gzsl-digits-s1-aaa", "ce-gzsl-digits-s2-bbb", "ce-gzsl-digits-s2"):
        keep(store, make_record(id=name))
    folder = store.run("ce-gzsl-digits-s1-aaa")
    for text in ("ce-gzsl-digits-s1-aaa", "ce-gzsl-digits-s1", str(folder.path), str(folder.record_file)):
        assert store.find(text).record() == folder.record()
    assert store.find("ce-gzsl-digits-s2").id == "ce-gzsl-digits-s2"


def test_latest_is_the_run_that_was_started_last(store: Store, make_record) -> None:
    with pytest.raises(StoreError, match="no stored run"):
        store.find("latest")
    for number, name in ((1, "b"), (3, "c"), (2, "d")):
        record = make_record(id=name)
        started = f"2026-01-0{number}T00:00:00+00:00"
        keep(store, replace(record, run=replace(record.run, started=started)))
    assert store.find("latest").id == "c"


def test_a_beginning_of_several_runs_is_refused_with_their_names(store: Store, make_record) -> None:
    for name in ("run-a", "run-b"):
        keep(store, make_record(id=name))
    with pytest.raises(StoreError, match="run-a, run-b"):
        store.find("run-")


@pytest.mark.parametrize("text", ["rum-a", "", "elsewhere/record.json"])
def test_an_unknown_run_is_answered_with_the_nearest(store: Store, make_record, text: str) -> None:
    for name in ("run-a", "other"):
        keep(store, make_record(id=name))
    with pytest.raises(StoreError, match="nearest of 2 runs: ") as caught:
        store.find(text)
    assert caught.value.where == str(store.root)


def test_a_misspelled_start_of_an_id_lists_the_nearest_run_first(store: Store, make_record) -> None:
    for number in range(20):
        keep(store, make_record(id=f"f-clswgan-digits-s{number}"))
    keep(store, make_record(id="ce-gzsl-digits-s1"))
    with pytest.raises(StoreError, match=r"nearest of 21 runs: ce-gzsl-digits-s1, .*, and 16 more"):
        store.find("ce-gzls")


def test_an_empty_store_suggests_another_folder(store: Store) -> None:
    with pytest.raises(StoreError, match="--results"):
        store.find("a")


def begin(store: Store, run: str) -> None:
    with store.run(run).lock():
        pass


def test_an_unfinished_run_is_found_where_no_finished_one_begins_so(store: Store, make_record) -> None:
    keep(store, make_record(id="run-a"))
    for run in ("run-b", "other-c"):
        begin(store, run)
    assert [folder.id for folder in store.unfinished()] == ["other-c", "run-b"]
    assert [folder.id for folder in store.runs()] == ["run-a"]
    assert store.find("run-").id == "run-a"
    for text in ("run-b", "other", str(store.run("other-c").path)):
        assert store.find(text).record() is None
    begin(store, "other-d")
    with pytest.raises(StoreError, match="other-c, other-d"):
        store.find("other")


def test_a_run_is_suggested_in_any_case(store: Store, make_record) -> None:
    for name in ("CE-NN-1", "ce-gzsl-CUB"):
        keep(store, make_record(id=name))
    with pytest.raises(StoreError, match="nearest of 2 runs: ce-gzsl-CUB"):
        store.find("CE-GZSL-cub")


def test_a_store_that_may_not_be_read_says_so(store: Store, make_record, monkeypatch) -> None:
    keep(store, make_record())

    def refuse(self: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StoreError, match="make it readable") as caught:
        store.find("a")
    assert caught.value.where == str(store.root)


def test_a_store_of_a_name_longer_than_any_may_be_is_refused() -> None:
    with pytest.raises(StoreError, match="shorter name"):
        Store(Path("a" * 300)).make()


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc/x", "a/b", "a\\b", ".hidden", "a\0b", "a\nb", "x" * 300, "\ud800"]
)
def test_a_name_that_could_leave_the_results_is_refused_and_a_folder_of_it_is_no_run(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(StoreError, match="cannot be the name of a folder"):
        Store(tmp_path).run(name)


def test_folders_of_other_names_are_not_read(tmp_path: Path) -> None:
    for name in (".import.host-1-0.part", "a\nb"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text("{}")
    assert Store(tmp_path).runs() == [] and read_summaries(Store(tmp_path)) == []
