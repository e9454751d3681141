from __future__ import annotations

from pathlib import Path

import pytest

from gzslbench.cli.new import scaffold
from gzslbench.cli.new.scaffold import new_method, new_plugin, write_folder
from gzslbench.errors import PluginError

ROOT = Path(__file__).parents[3]


def everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def test_a_folder_that_exists_is_left_alone(tmp_path) -> None:
    (tmp_path / "gzslbench-dark-horse").mkdir()
    with pytest.raises(PluginError, match="already"):
        new_plugin("dark-horse", "scoring", tmp_path)
    assert everything(tmp_path) == {"gzslbench-dark-horse": ""}


@pytest.mark.parametrize("failing", [PluginError("no space left"), KeyboardInterrupt()])
def test_if_the_test_cannot_be_written_everything_is_as_it_was(tmp_path, monkeypatch, failing) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "tests" / "methods").mkdir(parents=True)
    (tmp_path / "setup.cfg").write_text((ROOT / "setup.cfg").read_text())
    before, write = everything(tmp_path), scaffold.write_atomically

    def fail(path, *arguments):
        if path.name == "test_dark_horse.py":
            raise failing
        write(path, *arguments)

    monkeypatch.setattr(scaffold, "write_atomically", fail)
    with pytest.raises(type(failing)):
        new_method("dark-horse", "scoring", tmp_path)
    assert everything(tmp_path) == before


def test_a_place_that_takes_no_folder_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PluginError, match="cannot be written"):
        write_folder(tmp_path / "file" / "new", {"one": ""})
