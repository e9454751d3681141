from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gzslbench.errors import DataError, StoreError
from gzslbench.files import check_file, check_folder, is_there, parse_toml, read_file, reading


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "make it readable"),
        (errno.EPERM, "make it readable"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.EIO, "check the disk"),
    ],
)
def test_the_advice_fits_the_error_and_the_file_is_named(code: int, advice: str) -> None:
    with pytest.raises(StoreError, match=advice) as caught, reading(Path("folder"), StoreError):
        raise OSError(code, os.strerror(code), "folder/file")
    assert caught.value.what == f"cannot be read: {os.strerror(code)}"
    assert caught.value.where == "folder/file"


def test_an_error_without_a_file_names_the_place() -> None:
    with pytest.raises(DataError, match="truncated") as caught, reading(Path("folder"), DataError):
        raise OSError("truncated")
    assert caught.value.where == "folder"


def test_is_there_finds_files_and_folders_and_raises_if_it_cannot_know(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert is_there(tmp_path, DataError)
    assert is_there(tmp_path / "file", DataError)
    assert not is_there(tmp_path / "none", DataError)
    assert not is_there(tmp_path / "file" / "below", DataError)
    with pytest.raises(DataError, match="shorter name"):
        is_there(tmp_path / ("a" * 300), DataError)
    with pytest.raises(DataError, match="leads back to itself"):
        is_there(tmp_path / "loop", DataError)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_file(tmp_path / "file", DataError)
    check_folder(tmp_path, DataError)
    with pytest.raises(DataError, match="name a file, not a folder"):
        check_file(tmp_path, DataError)
    with pytest.raises(DataError, match="check the folder and the name"):
        check_file(tmp_path / "none", DataError)
    with pytest.raises(DataError, match="check the folder and the name"):
        check_folder(tmp_path / "file", DataError)


@pytest.mark.parametrize(
    "content",
    ["a = " + "[" * 50_000, "x." * 50_000 + "y = 1", "[" + "x . " * 50_000 + "y]", "a = {b=" * 5_000],
)
def test_toml_that_is_nested_without_end_is_refused_at_once(content):
    with pytest.raises(ValueError, match=r"nested|parts|Invalid|line"):
        parse_toml(content.encode())


def test_toml_of_ordinary_depth_is_read():
    key = ".".join("abcdefghij")
    assert parse_toml(f"\ufeff{key} = [[1.5, 2.5], []]".encode())["a"]["b"]["c"]
    numbers = ", ".join(["1.5"] * 5_000)
    assert len(parse_toml(f"a = [{numbers}]".encode())["a"]) == 5_000
    assert parse_toml(f'a = "{"x" * 500_000}"'.encode()) == {"a": "x" * 500_000}  # at once, too


@pytest.mark.parametrize("read", [lambda path: check_file(path, DataError), lambda path: _read(path)])
def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path, read) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    with pytest.raises(
        DataError, match=r"a pipe or a device.*\n.*rows\.csv\n.*copy what it gives into a file"
    ):
        read(pipe)


def _read(path: Path) -> None:
    with reading(path, DataError):
        read_file(path)


def test_a_folder_and_a_missing_path_are_no_devices(tmp_path: Path) -> None:
    with reading(tmp_path, DataError), reading(tmp_path / "none", DataError):
        pass
