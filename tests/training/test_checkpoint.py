import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gzslbench.errors import CheckpointError
from gzslbench.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"weights": torch.arange(3.0), "epoch": 4, "list": [1, [2.5, None]]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint-final.pt"
    save_checkpoint(path, "run-a", STATE)
    return path


def test_what_was_saved_is_loaded(path):
    state = load_checkpoint(path, "run-a")
    assert torch.equal(state["weights"], STATE["weights"])
    assert state["epoch"] == 4 and state["list"] == [1, [2.5, None]]


def test_a_foreign_checkpoint_is_refused_by_name(path):
    with pytest.raises(CheckpointError, match="belongs to run run-a, not run-b"):
        load_checkpoint(path, "run-b")


@pytest.mark.parametrize("cut", [0, 1, 10, 200, -1, -20])
def test_a_truncated_checkpoint_is_refused_by_name(path, cut):
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match="damaged") as caught:
        load_checkpoint(path, "run-a")
    assert str(path) in str(caught.value) and "--rerun" in str(caught.value)


@given(st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_checkpoint_with_one_flipped_bit_is_refused(path, data):
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, 8 * len(content) - 1))
    content[at // 8] ^= 1 << (at % 8)
    flipped = path.with_name("flipped.pt")
    flipped.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(flipped, "run-a")


def test_any_other_file_is_refused(tmp_path):
    other = tmp_path / "other.pt"
    torch.save({"weights": torch.zeros(2)}, other)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(other, "run-a")


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_a_checkpoint_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "bomb.pt", "run-a", {"bomb": Bomb()})
    with pytest.raises(CheckpointError, match="more than data"):
        load_checkpoint(tmp_path / "bomb.pt", "run-a")
    assert not Path("exploded").exists()


def test_a_write_that_fails_keeps_the_checkpoint_before_it(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(path, "run-a", {"epoch": 5})
    monkeypatch.undo()
    assert load_checkpoint(path, "run-a")["epoch"] == 4
    assert [file.name for file in path.parent.iterdir()] == [path.name]
