from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gzslbench.errors import StoreError
from gzslbench.runs.folder import RunFolder

HOLD = """
import sys
from gzslbench.runs.folder import RunFolder
from pathlib import Path
with RunFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""
FILL = """
import resource, sys
from pathlib import Path
from gzslbench.errors import StoreError
from gzslbench.runs.folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
folder.append_metrics({"epoch": 1})
limit = folder.metrics_file.stat().st_size + 20
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    folder.append_metrics({"epoch": 2, "text": "x" * 1000})
except StoreError as error:
    print(error.where)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run-a")
    folder.path.mkdir()
    return folder


def lines(*epochs: int, **fields: object) -> list[dict[str, object]]:
    return [{"epoch": epoch, **fields} for epoch in epochs]


def write(folder: RunFolder, content: list[dict[str, object]]) -> None:
    for line in content:
        folder.append_metrics(line)


def test_metrics_come_back_line_by_line(folder: RunFolder) -> None:
    assert folder.metrics() == []
    write(folder, lines(1, 2, 3))
    assert folder.metrics() == lines(1, 2, 3)


@pytest.mark.acceptance
def test_a_line_cut_short_by_a_full_disk_is_taken_back(folder: RunFolder) -> None:
    command = [sys.executable, "-c", FILL, str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str(folder.metrics_file)
    assert folder.metrics_file.read_text() == '{"epoch": 1}\n'


def test_an_incomplete_last_line_is_ignored(folder: RunFolder) -> None:
    write(folder, lines(1, 2))
    with folder.metrics_file.open("a") as file:
        file.write('{"epoch": 3, "los')
    assert folder.metrics() == lines(1, 2)
    folder.keep_metrics_until(2)
    write(folder, lines(3))
    assert folder.metrics() == lines(1, 2, 3)


def test_a_damaged_line_in_the_middle_is_named(folder: RunFolder) -> None:
    folder.metrics_file.write_text('{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(StoreError) as caught:
        folder.metrics()
    assert caught.value.where == f"{folder.metrics_file}: line 2"


@pytest.mark.parametrize("line", ["3", "[]", "null", "{}", '{"epoch": "2"}', "", "[" * 100_000])
def test_a_line_that_is_no_object_with_an_epoch_is_named_when_the_run_is_resumed(
    folder: RunFolder, line: str
) -> None:
    folder.metrics_file.write_text(f'{{"epoch": 1}}\n{line}\n{{"epoch": 3}}\n')
    with pytest.raises(StoreError, match="--rerun") as caught:
        folder.keep_metrics_until(1, leg="final")
    assert caught.value.where == f"{folder.metrics_file}: line 2"


def test_metrics_without_permission_are_an_error_with_advice(folder: RunFolder, monkeypatch) -> None:
    write(folder, lines(1))

    def refuse(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StoreError, match="make it readable") as caught:
        folder.metrics()
    assert caught.value.where == str(folder.metrics_file)


def test_resuming_drops_later_epochs_of_the_resumed_leg_alone(folder: RunFolder) -> None:
    before = [*lines(1, 2, 3, leg="validation", stage="game"), *lines(1, 2, leg="final", stage="pretrain")]
    write(folder, [*before, *lines(1, 2, 3, leg="final", stage="game")])
    folder.keep_metrics_until(1, leg="final", stage="game")
    assert folder.metrics() == [*before, *lines(1, leg="final", stage="game")]


def test_keeping_metrics_where_there_are_none_writes_no_file(folder: RunFolder) -> None:
    folder.keep_metrics_until(3)
    assert list(folder.path.iterdir()) == []


def test_the_id_is_the_folders_name_however_it_is_reached(folder: RunFolder, monkeypatch) -> None:
    monkeypatch.chdir(folder.path)
    assert RunFolder(Path()).id == "run-a"


def test_setting_aside_moves_the_runs_own_files(folder: RunFolder) -> None:
    own = (folder.record_file, folder.metrics_file, folder.checkpoint_file("final"), folder.log_file)
    with folder.lock():
        for file in own:
            file.write_text(file.name)
        (folder.tracking / "tool").mkdir(parents=True)
        (folder.tracking / "tool" / "id").write_text("7")
        (folder.path / "notes.txt").write_text("mine")
        folder.set_aside()
        assert {file.name for file in folder.previous.iterdir()} == {"tracking", *(file.name for file in own)}
        assert (folder.previous / "tracking" / "tool" / "id").read_text() == "7"
        folder.drop_previous()
    assert sorted(file.name for file in folder.path.iterdir()) == ["lock", "notes.txt"]


@pytest.mark.parametrize("call", ["set_aside", "restore"])
@pytest.mark.parametrize("links", [True, False])
def test_a_move_that_breaks_off_anywhere_leaves_a_whole_run_and_the_next_one_ends_it(
    folder: RunFolder, monkeypatch, call: str, links: bool
) -> None:
    own = {"record.json", "metrics.jsonl", "checkpoint-final.pt", "predictions.npz"}
    steps = 0
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    while True:
        for name in own:
            (folder.path / name).write_text(name)
        if call == "restore":
            folder.set_aside()
            folder.log_file.write_text("of a run that failed at once")
        left = iter(range(steps))
        with monkeypatch.context() as patch:
            for place, name in ((os, "link"), (shutil, "copy2"), (Path, "rename"), (Path, "unlink")):
                patch.setattr(place, name, breaking(getattr(place, name), left))
            try:
                getattr(folder, call)()
                break
            except KeyboardInterrupt:
                pass
        there = [{file.name for file in place.glob("*.*")} for place in (folder.path, folder.previous)]
        assert any(own <= names for names in there), f"after {steps} steps: {there}"
        folder.set_aside()
        assert {file.name: file.read_text() for file in folder.previous.iterdir()} == {
            name: name for name in own
        }
        assert [file.name for file in folder.path.iterdir()] == ["previous"]
        shutil.rmtree(folder.previous)
        steps += 1
    assert steps > len(own)


def breaking(function: Any, left: Iterator[int]) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    return call


def refuse_links(*_paths: str) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_finished_run_set_aside_is_not_replaced_by_an_unfinished_one(folder: RunFolder) -> None:
    folder.record_file.write_text("finished")
    folder.metrics_file.write_text("of the finished")
    folder.set_aside()
    for unfinished in ("first", "second"):
        folder.checkpoint_file("final").write_text(unfinished)
        folder.metrics_file.write_text(unfinished)
        folder.set_aside()
        assert {file.name: file.read_text() for file in folder.previous.iterdir()} == {
            "record.json": "finished",
            "metrics.jsonl": "of the finished",
        }
        assert list(folder.path.iterdir()) == [folder.previous]


@pytest.mark.parametrize("earlier", ["record.json", "checkpoint-final.pt"])
def test_what_is_set_aside_is_replaced_by_a_finished_run_and_an_unfinished_by_another(
    folder: RunFolder, earlier: str
) -> None:
    later = "record.json" if earlier == "record.json" else "metrics.jsonl"
    for name in (earlier, later):
        (folder.path / name).write_text(f"the later {name}")
        folder.set_aside()
    assert [file.read_text() for file in folder.previous.iterdir()] == [f"the later {later}"]


def test_what_was_set_aside_comes_back_in_place_of_a_log_alone(folder: RunFolder) -> None:
    earlier = {file: file.name for file in (folder.record_file, folder.metrics_file, folder.log_file)}
    for file, text in earlier.items():
        file.write_text(text)
    folder.set_aside()
    folder.log_file.write_text("of a run that failed at once")
    folder.restore()
    assert {file: file.read_text() for file in folder.path.iterdir()} == earlier
    folder.restore()  # nothing was set aside
    assert set(folder.path.iterdir()) == set(earlier)


@pytest.mark.parametrize("made", ["metrics.jsonl", "checkpoint-final.pt", "validation.json", "record.json"])
def test_what_was_set_aside_stays_there_once_the_run_has_written_something(
    folder: RunFolder, made: str
) -> None:
    folder.record_file.write_text("earlier")
    folder.set_aside()
    (folder.path / made).write_text("later")
    folder.restore()
    assert (folder.path / made).read_text() == "later"
    assert (folder.previous / "record.json").read_text() == "earlier"


@pytest.mark.acceptance
def test_a_second_process_learns_who_runs_the_cell_and_the_lock_ends_with_that_process(
    folder: RunFolder,
) -> None:
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(StoreError, match=f"process {holder.pid} on ") as caught, folder.lock():
                pass
            assert caught.value.where == str(folder.path)
        finally:
            os.kill(holder.pid, signal.SIGKILL)
    with folder.lock():
        assert str(os.getpid()) in (folder.path / "lock").read_text()


def test_a_lock_given_back_can_be_taken_again(folder: RunFolder) -> None:
    for _ in range(2):
        with folder.lock(), pytest.raises(StoreError, match="running already"), folder.lock():
            pass


def test_a_file_in_place_of_the_runs_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "run-a").write_text("mine")
    with pytest.raises(StoreError, match="blocks the path"), RunFolder(tmp_path / "run-a").lock():
        pass


def test_an_unwritable_record_leaves_the_older_one(folder: RunFolder, make_record, monkeypatch) -> None:
    older = make_record(id="run-a")
    folder.write_record(older)

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="free some space"):
        folder.write_record(make_record(id="run-a", parameters=99))
    assert folder.record() == older
    assert json.loads(folder.record_file.read_text())["parameters"] == 12


@pytest.mark.parametrize("read", [RunFolder.record, RunFolder.metrics])
def test_more_json_than_any_run_writes_is_refused_before_it_is_read(
    folder: RunFolder, monkeypatch, read
) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    for file in (folder.record_file, folder.metrics_file):
        file.write_text("x" * 2**12)
    monkeypatch.setattr("gzslbench.runs.folder.MAX_TEXT_BYTES", 2**11)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(StoreError, match=r"it has more than 2\.0 KiB"):
        read(folder)
