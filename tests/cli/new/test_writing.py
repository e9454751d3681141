from __future__ import annotations

from pathlib import Path

import pytest

from gzslbench.cli.new import scaffold
from gzslbench.cli.new.scaffold import write_new_files
from gzslbench.errors import PluginError


def everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def test_fresh_files_get_their_folders_and_others_are_changed(tmp_path) -> None:
    (tmp_path / "list").write_text("a\n")
    write_new_files({tmp_path / "b" / "c" / "d": "new"}, tmp_path / "list", "a\nb\n")
    assert everything(tmp_path) == {"list": "a\nb\n", "b": "", "b/c": "", "b/c/d": "new"}


def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_written(tmp_path) -> None:
    (tmp_path / "one").write_text("mine")
    with pytest.raises(PluginError, match="already"):
        write_new_files({tmp_path / "other" / "two": "", tmp_path / "one": ""})
    assert everything(tmp_path) == {"one": "mine"}


@pytest.mark.parametrize("failing", [PluginError("no space left"), KeyboardInterrupt()])
def test_where_the_last_file_fails_all_is_as_it_was(tmp_path, monkeypatch, failing) -> None:
    (tmp_path / "list").write_text("a\n")
    before = everything(tmp_path)

    def fail(*_):
        raise failing

    monkeypatch.setattr(scaffold, "write_atomically", fail)
    with pytest.raises(type(failing)):
        write_new_files({tmp_path / "b" / "c": "new", tmp_path / "b" / "d": "new"}, tmp_path / "list", "b\n")
    assert everything(tmp_path) == before


def test_a_folder_that_takes_no_files_is_told(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PluginError, match="cannot be written"):
        write_new_files({tmp_path / "file" / "one": ""})
