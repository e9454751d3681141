from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from gzslbench.prepare.build.plan import plan_build
from gzslbench.prepare.build.write import write_build
from gzslbench.data.formats.xlsa17 import read_splits, semantics_names
from gzslbench.errors import DataError


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


def test_the_record_tells_how_it_was_made(plan, folders, tmp_path):
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


def test_the_same_dataset_is_left_as_it_is_and_features_beside_it_too(plan, tmp_path):
    write_build(plan, tmp_path / "made")
    (tmp_path / "made" / "features.h5").write_bytes(b"features")
    before = content(tmp_path / "made")
    assert not write_build(plan, tmp_path / "made")
    assert not write_build(plan, tmp_path / "made", force=True)
    assert content(tmp_path / "made") == before


def test_another_dataset_is_replaced_only_by_force_and_never_with_features(plan, folders, tmp_path):
    made, other = tmp_path / "made", plan_build(folders.request(seed=1))
    write_build(plan, made)
    before = content(made)
    with pytest.raises(DataError, match="--force"):
        write_build(other, made)
    (made / "features.h5").write_bytes(b"features")
    with pytest.raises(DataError, match=r"remove: features\.h5"):
        write_build(other, made, force=True)
    (made / "features.h5").unlink()
    assert content(made) == before
    assert write_build(other, made, force=True)
    write_build(other, tmp_path / "fresh")
    assert content(made) == content(tmp_path / "fresh")
    assert {path.name for path in tmp_path.iterdir()} == {"made", "fresh", "photos", "semantics.csv"}


def test_a_dataset_whose_files_have_been_changed_is_not_taken_for_the_same(plan, tmp_path):
    write_build(plan, tmp_path / "made")
    with (tmp_path / "made" / "listing.csv").open("a") as file:
        file.write("seal/another.jpg,seal\n")
    with pytest.raises(DataError, match="changed files"):
        write_build(plan, tmp_path / "made")
    assert write_build(plan, tmp_path / "made", force=True)


@pytest.mark.parametrize("name", ["notes.txt", "build.json"])
def test_a_folder_of_something_else_is_refused_even_by_force(plan, tmp_path, name):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / name).write_text("[]")
    for force in (False, True):
        with pytest.raises(DataError, match="not empty"):
            write_build(plan, tmp_path / "made", force=force)
    assert content(tmp_path / "made") == {name: b"[]"}


def test_places_that_will_not_do_are_refused(plan, folders, tmp_path, monkeypatch):
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


@pytest.mark.parametrize("there", ["nothing", "another"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "pathlib.Path.rename"])
def test_an_interrupted_build_leaves_what_was_there(folders, tmp_path, monkeypatch, there, failure, step):
    made = tmp_path / "made"
    if there == "another":
        write_build(plan_build(folders.request(seed=1)), made)
    before = {path.name: content(path) for path in tmp_path.iterdir() if path == made}
    rename = Path.rename

    def fail(*arguments):
        if step.endswith("write_bytes") or arguments[0].name == "new":
            raise failure
        return rename(*arguments)

    monkeypatch.setattr(step, fail)
    with pytest.raises((DataError, KeyboardInterrupt)) as refused:
        write_build(plan_build(folders.request()), made, force=True)
    assert refused.type is KeyboardInterrupt or "free some space" in str(refused.value)
    monkeypatch.undo()
    assert {path.name: content(path) for path in tmp_path.iterdir() if path == made} == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
