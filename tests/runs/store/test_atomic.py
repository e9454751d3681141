from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from gzslbench.errors import StoreError
from gzslbench.files import atomic_folder, write_atomically


def test_the_new_content_replaces_the_old(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    write_atomically(file, b"old, and longer")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_the_content_is_on_disk_before_it_has_the_name(tmp_path: Path, monkeypatch) -> None:
    order = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), sync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda *paths: (order.append("replace"), replace(*paths))[1])
    write_atomically(tmp_path / "record.json", b"new")
    assert order[:2] == ["sync", "replace"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "writable"), (errno.EDQUOT, "quota")],
)
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch, step: str, code: int, advice: str
) -> None:
    file = tmp_path / "record.json"
    write_atomically(file, b"old")

    def fail(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(StoreError, match=advice) as caught:
        write_atomically(file, b"new")
    assert caught.value.where == str(file)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "record.json"
    write_atomically(file, b"old")

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_removed_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="removed") as caught:
        write_atomically(tmp_path / "gone" / "record.json", b"new")
    assert caught.value.where == str(tmp_path / "gone" / "record.json")


def test_the_next_write_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    host, dead = socket.gethostname(), 2**22 + 1  # no system counts its processes so far
    left = [tmp_path / f".{name}.{host}-{dead}-0.part" for name in ("a.json", "site", "b.json")]
    names = f".a.json.{host}-{os.getppid()}-0.part", f".a.json.other-{dead}-0.part"
    alive = [tmp_path / name for name in names]
    for path in (left[0], left[2], *alive):
        path.write_text("half")
    (left[1] / "old").mkdir(parents=True)
    (left[1] / "old" / "index.html").write_text("earlier")
    write_atomically(tmp_path / "a.json", b"new")
    assert not left[0].exists() and all(path.exists() for path in (*alive, left[1], left[2]))
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "site"):
        assert (tmp_path / "site" / "index.html").read_text() == "earlier"  # it was between two renames
        raise KeyboardInterrupt
    assert (tmp_path / "site" / "index.html").read_text() == "earlier"
    assert not left[1].exists()
