from __future__ import annotations

import tempfile

import pytest

from gzslbench.sweep.executors.scratch import Scratch, remove_scratch


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_session_has_one_folder_that_others_may_not_read(home) -> None:
    first, second = Scratch("one"), Scratch("one")
    assert first.folder == second.folder
    assert first.folder.parent == home
    assert first.folder.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_session_left_is_removed_and_nothing_else(home) -> None:
    alive, left = Scratch("alive"), Scratch("left")
    left._lock.close()  # as its process ends
    (home / "gzslbench-ray-odd").write_text("a file")
    (home / "other").mkdir()
    Scratch("new")
    assert sorted(path.name for path in home.iterdir()) == [
        "gzslbench-ray-alive",
        "gzslbench-ray-new",
        "gzslbench-ray-odd",
        "other",
    ]
    assert alive.folder.is_dir()


def test_a_session_that_is_over_is_removed(home) -> None:
    folder = Scratch("one").folder
    remove_scratch("one")
    remove_scratch("one")
    assert not folder.exists()
