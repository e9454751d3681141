from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.formats.xlsa17 import read_splits, semantics_names
from gzslbench.errors import DataError
from gzslbench.prepare.building.plan import plan_build
from gzslbench.prepare.building.write import write_build


@pytest.fixture
def plan(folders):
    return plan_build(folders.request(validation_classes=2))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_reader_finds_what_was_planned(plan, folders, tmp_path):
    assert write_build(plan, tmp_path / "made")
    assert semantics_names(tmp_path / "made") == ["att"]
    splits = read_splits(tmp_path / "made", "att")
    assert splits.class_names == tuple(sorted(folders.values))
    np.testing.assert_array_equal(splits.semantics, plan.semantics)
    assert splits.split.fingerprint == plan.partition.split.fingerprint
    both = np.sort(np.concatenate([splits.train_rows, splits.val_rows]))
    np.testing.assert_array_equal(both, splits.split.trainval)
    labels = plan.partition.labels
    held = {splits.class_names[label] for label in labels[splits.val_rows]}
    assert held == set(plan.partition.validation)
    assert held.isdisjoint(splits.class_names[label] for label in labels[splits.train_rows])


def test_without_validation_classes_the_reader_chooses(folders, tmp_path):
    write_build(plan_build(folders.request(semantics_name="sent")), tmp_path / "made")
    splits = read_splits(tmp_path / "made", "sent")
    assert splits.train_rows is None and splits.val_rows is None


def test_the_listing_has_each_image_in_its_row(plan, folders, tmp_path):
    write_build(plan, tmp_path / "made")
    with (tmp_path / "made" / "listing.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "class"]
    names = sorted(folders.values)
    assert [names.index(name) for _, name in rows] == plan.partition.labels.tolist()
    assert all((folders.images / file).is_file() and Path(file).parts[0] == name for file, name in rows)
    assert len({file for file, _ in rows}) == 30


def test_the_record_has_the_arguments_and_the_result(plan, folders, tmp_path):
    write_build(plan, tmp_path / "made")
    record = json.loads((tmp_path / "made" / "build.json").read_text(encoding="utf-8"))
    assert record["arguments"]["seed"] == 0 and record["arguments"]["images"] == str(folders.images)
    assert record["split"] == {**plan.partition.split.counts, "fingerprint": plan.partition.split.fingerprint}
    assert sorted(record["seen"] + record["unseen"]) == sorted(folders.values)


def test_the_same_images_and_seed_are_the_same_bytes(plan, tmp_path, monkeypatch):
    write_build(plan, tmp_path / "one")
    monkeypatch.setattr("time.asctime", lambda *_: "another time")
    write_build(plan, tmp_path / "other")
    assert content(tmp_path / "one") == content(tmp_path / "other")
    assert set(content(tmp_path / "one")) == {"att_splits.mat", "listing.csv", "build.json"}


def test_an_empty_folder_is_filled_and_missing_ones_above_are_made(plan, tmp_path):
    (tmp_path / "empty").mkdir()
    assert write_build(plan, tmp_path / "empty") and write_build(plan, tmp_path / "a" / "b" / "made")
    assert content(tmp_path / "empty") == content(tmp_path / "a" / "b" / "made")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o777 & ~umask


def test_the_same_dataset_and_its_features_are_not_changed(plan, tmp_path):
    write_build(plan, tmp_path / "made")
    (tmp_path / "made" / "features.h5").write_bytes(b"features")
    before = content(tmp_path / "made")
    assert not write_build(plan, tmp_path / "made")
    assert content(tmp_path / "made") == before


def test_a_dataset_with_changed_files_is_not_the_same(plan, tmp_path):
    write_build(plan, tmp_path / "made")
    with (tmp_path / "made" / "listing.csv").open("a") as file:
        file.write("seal/another.jpg,seal\n")
    with pytest.raises(DataError, match="not those of this dataset"):
        write_build(plan, tmp_path / "made")


@pytest.mark.parametrize("name", ["notes.txt", "build.json"])
def test_a_folder_of_something_else_is_refused(plan, tmp_path, name):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / name).write_text("[]")
    with pytest.raises(DataError, match="not empty"):
        write_build(plan, tmp_path / "made")
    assert content(tmp_path / "made") == {name: b"[]"}


def test_another_dataset_is_not_replaced(plan, folders, tmp_path):
    write_build(plan, tmp_path / "made")
    before = content(tmp_path / "made")
    with pytest.raises(DataError, match=r"has another dataset: .*--seed was 0 and is 1"):
        write_build(plan_build(folders.request(seed=1)), tmp_path / "made")
    assert content(tmp_path / "made") == before


def test_unsuitable_places_are_refused(plan, folders, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(folders.images)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place, complaint in (
        (folders.images, "among its own class folders"),
        (folders.images / "made", "among its own class folders"),
        (tmp_path / "link" / "made", "among its own class folders"),
        (Path(), "current folder"),
        (tmp_path, "current folder"),
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "file" / "made", "cannot be written"),
        (tmp_path / "cub", "taken for the dataset CUB"),
        (tmp_path / "Digits", "taken for the dataset digits"),
    ):
        with pytest.raises(DataError, match=complaint):
            write_build(plan, place)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "pathlib.Path.rename"])
def test_an_interrupted_build_leaves_nothing(folders, tmp_path, monkeypatch, failure, step):
    plan, before = plan_build(folders.request()), sorted(tmp_path.iterdir())

    def fail(*arguments):
        raise failure

    monkeypatch.setattr(step, fail)
    with pytest.raises((DataError, KeyboardInterrupt)) as refused:
        write_build(plan, tmp_path / "made")
    assert refused.type is KeyboardInterrupt or "free some space" in str(refused.value)
    monkeypatch.undo()
    assert sorted(tmp_path.iterdir()) == before
