"""Unfinished features after the process that stored them has ended."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.compute import ComputedBatch, PartialFeatures

SHAPE = [((40, 2), "float32")]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "features.h5.partial"


def keep(partial, batch):
    computed = ComputedBatch(batch, [batch], (np.full((1, 2), batch + 1, np.float32),), {})
    partial.store(computed, f"checksum{batch}")


def test_a_torn_last_line_is_not_joined_to_the_next(folder):
    keep(PartialFeatures(folder, SHAPE, "us"), 0)
    with (folder / "journal").open("a") as file:
        file.write("1")  # of 13, when the process was killed
    again = PartialFeatures(folder, SHAPE, "us")
    keep(again, 12)
    assert again.done() == PartialFeatures(folder, SHAPE, "us").done() == {0: "checksum0", 12: "checksum12"}


@pytest.mark.parametrize("lost", ["features.f32", "journal"])
def test_a_half_removed_folder_starts_empty(folder, lost):
    keep(PartialFeatures(folder, SHAPE, "us"), 0)
    (folder / lost).unlink()
    again = PartialFeatures(folder, SHAPE, "us")
    assert not again.done() and not again.features.any()
    keep(again, 3)
    assert PartialFeatures(folder, SHAPE, "us").features[3].tolist() == [4, 4]


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", "cut"])
def test_incomplete_features_start_empty(folder, damage):
    keep(PartialFeatures(folder, SHAPE, "us"), 0)
    file = folder / "features.f32"
    file.write_bytes(file.read_bytes()[:-50] if damage == "cut" else damage)
    assert not PartialFeatures(folder, SHAPE, "us").done()


def test_features_of_a_killed_removal_are_not_used(folder, monkeypatch):
    partial = PartialFeatures(folder, SHAPE, "us")
    keep(partial, 0)
    monkeypatch.setattr("gzslbench.prepare.extract.compute.shutil.rmtree", lambda *_, **__: None)
    partial.remove()
    assert (folder / "features.f32").exists()
    assert not PartialFeatures(folder, SHAPE, "us").done()


def test_a_file_that_blocks_the_folder_is_an_error(folder):
    folder.write_text("mine")
    with pytest.raises(ExtractionError, match="blocks the path"):
        PartialFeatures(folder, SHAPE, "us")
    assert folder.read_text() == "mine"


def test_damaged_lines_of_the_journal_are_ignored(folder):
    keep(PartialFeatures(folder, SHAPE, "us"), 0)
    with (folder / "journal").open("ab") as file:
        file.write(b"3\n\0\0\0\n\xff 5\n\n")
    assert PartialFeatures(folder, SHAPE, "us").done() == {0: "checksum0"}


def test_features_take_their_space_before_anything_is_computed(folder):
    partial = PartialFeatures(folder, [((1000, 300), "float32")], "us")
    assert not partial.features.any()
    state = (folder / "features.f32").stat()
    assert state.st_size == 1_200_000 <= 512 * state.st_blocks


@pytest.mark.parametrize("taken", [0, 1])
def test_a_disk_without_the_space_is_an_error_that_leaves_nothing(folder, monkeypatch, taken):
    reserved = []

    def fill(*_):
        if len(reserved) == taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserved.append(1)

    monkeypatch.setattr(os, "posix_fallocate", fill, raising=False)
    with pytest.raises(ExtractionError, match="features cannot be stored: No space left"):
        PartialFeatures(folder, [*SHAPE, ((40, 3, 2), "float16")], "us")
    assert not folder.exists()


def test_a_batch_of_another_width_is_refused(folder):
    partial = PartialFeatures(folder, SHAPE, "us")
    wider = ComputedBatch(1, [1], (np.zeros((1, 3), np.float32),), {})
    with pytest.raises(ExtractionError, match=r"gives \(3,\) of an image, after \(2,\) before"):
        partial.store(wider, "checksum")
    assert not partial.done()
