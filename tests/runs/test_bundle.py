from __future__ import annotations

import errno
import json
import os
import shutil
import zipfile
from contextlib import suppress

import pytest

from gzslbench.errors import StoreError
from gzslbench.runs import bundle
from gzslbench.runs.bundle import import_runs, write_bundle
from gzslbench.runs.store import Store


@pytest.fixture
def other(tmp_path):
    return Store(tmp_path / "other")


def archive_of(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_run_travels_whole_in_an_archive(folder, other, tmp_path):
    folder.log_file.write_text("told")
    (folder.path / "checkpoint-final.pt").write_bytes(b"large")
    write_bundle(tmp_path / "runs.zip", [folder])
    received = import_runs(tmp_path / "runs.zip", other)
    assert received.taken == [folder.id] and not received.refused
    arrived = other.run(folder.id)
    assert arrived.record() == folder.record()
    assert sorted(file.name for file in arrived.path.iterdir()) == [
        "log.txt",
        "predictions.npz",
        "record.json",
    ]
    assert [each.name for each in other.root.iterdir()] == [folder.id]


def test_the_same_runs_are_the_same_bytes(folder, tmp_path):
    for name in ("one.zip", "two.zip"):
        write_bundle(tmp_path / name, [folder])
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_folder_of_runs_can_be_imported_and_a_second_time_changes_nothing(folder, other):
    assert import_runs(folder.path.parent, other).taken == [folder.id]
    again = import_runs(folder.path.parent, other)
    assert (again.taken, again.there, again.refused) == ([], [folder.id], {})


def test_an_inconsistent_run_is_refused_and_the_others_are_imported(folder, other):
    bad = Store(folder.path.parent).run("bad")
    shutil.copytree(folder.path, bad.path)
    content = json.loads(folder.record_file.read_text())
    content["id"] = "bad"
    content["metrics"]["last"]["T1"] = 1.0
    bad.record_file.write_text(json.dumps(content))
    received = import_runs(folder.path.parent, other)
    assert received.taken == [folder.id]
    assert any("T1 is 1.0000" in problem for problem in received.refused["bad"])
    assert not other.run("bad").path.exists()


def test_another_record_of_the_same_id_is_not_replaced(folder, other):
    import_runs(folder.path.parent, other)
    ours = other.run(folder.id).record_file
    changed = json.loads(ours.read_text())
    changed["parameters"] = 1
    ours.write_text(json.dumps(changed))
    received = import_runs(folder.path.parent, other)
    assert "another record" in received.refused[folder.id][0]
    assert json.loads(ours.read_text())["parameters"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "../record.json",
        "/etc/record.json",
        "a/b/record.json",
        "record.json",
        "a/evil.sh",
        "..\\a/record.json",
        ".git/log.txt",
    ],
)
def test_no_name_in_an_archive_leads_out_of_the_store(other, tmp_path, name):
    with suppress(StoreError):
        assert import_runs(archive_of(tmp_path / "evil.zip", **{name: "x"}), other).taken == []
    assert list(other.root.iterdir()) == []
    assert not (tmp_path / "record.json").exists() and not (tmp_path / "a").exists()


def test_a_bomb_is_refused(other, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 1000)
    with pytest.raises(StoreError, match="larger than"):
        import_runs(archive_of(tmp_path / "bomb.zip", **{"run/log.txt": "0" * 1001}), other)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_archive_of_runs_is_refused(other, tmp_path, content):
    path = tmp_path / "file.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError):
        import_runs(path, other)


def test_an_empty_folder_or_archive_has_no_runs(other, tmp_path):
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", archive_of(tmp_path / "empty.zip")):
        with pytest.raises(StoreError, match="there are no runs in it"):
            import_runs(source, other)


def test_an_archive_that_cannot_be_written_leaves_none(folder, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_bundle(tmp_path / "none" / "runs.zip", [folder])


@pytest.mark.parametrize("flipped", [0x01, 0x06, 0xFF])
def test_a_damaged_byte_anywhere_in_an_archive_is_refused_or_harmless(folder, tmp_path, flipped):
    write_bundle(tmp_path / "whole.zip", [folder])
    whole = (tmp_path / "whole.zip").read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        damaged = bytearray(whole)
        damaged[at] ^= flipped
        (tmp_path / "damaged.zip").write_bytes(damaged)
        store = Store(tmp_path / f"into-{at}")
        with suppress(StoreError):
            import_runs(tmp_path / "damaged.zip", store)
        assert [found.record() for found in store.runs()] in ([], [folder.record()])


def test_predictions_that_unpack_to_too_much_are_not_unpacked(folder, other, monkeypatch):
    monkeypatch.setattr("gzslbench.evaluation.predictions.MAX_FILE_BYTES", 100)
    result = import_runs(folder.path.parent, other)
    assert "unpacks to" in str(result.refused[folder.id])


@pytest.mark.parametrize(("code", "message"), [("ENOSPC", "free some space"), ("EROFS", "writable")])
def test_a_full_disk_is_no_fault_of_the_archive(folder, other, tmp_path, monkeypatch, code, message):
    write_bundle(tmp_path / "runs.zip", [folder])

    def refuse(*_):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    monkeypatch.setattr(zipfile.ZipFile, "extractall", refuse)
    with pytest.raises(StoreError, match="the archive cannot be unpacked") as caught:
        import_runs(tmp_path / "runs.zip", other)
    assert message in str(caught.value.fix)
    assert list(other.root.iterdir()) == []
