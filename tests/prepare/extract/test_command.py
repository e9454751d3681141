"""``gzslbench extract``: from images to a run on their features."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.data.formats.hdf5 import stored_extraction
from gzslbench.data.load import load_dataset
from gzslbench.plugins.extractor import Request, Weights
from gzslbench.prepare.extract import extract as extract_module
from gzslbench.prepare.extract.compute import lock_partial
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.listings import list_flowers
from gzslbench.runs.cell import describe_task
from gzslbench_features.efficientnet_lite0 import PREPARATION
from gzslbench_features.efficientnet_lite0.loading import load

LITE0 = ("--extractor", "efficientnet-lite0", "--batch-size", "8", "--device", "cpu")


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def extract(world):
    """Extract features of the images of ``world``."""

    def call_it(*more):
        places = ("--data", world.folder.parent, "--images", world.images)
        return call("extract", "--dataset", "FLO", *LITE0, *places, *more)

    return call_it


@pytest.fixture
def extracted(extract, small, monkeypatch):
    """The same, but with a small network instead of the one that the command names."""
    extractor = replace(small().extractor, packages=())
    monkeypatch.setattr("gzslbench.prepare.extract.extract.load_extractor", lambda *_: extractor)
    return extract


@pytest.mark.acceptance
def test_a_run_uses_the_extracted_features(world, extract, tmp_path):
    outcome = extract()
    assert outcome.exit_code == 0, outcome.output
    assert "40 images: wrote" in outcome.output and "40 of 40 images" in outcome.output
    dataset = load_dataset("FLO", "efficientnet_lite0", root=world.folder.parent)
    expected = list_flowers(world.folder, world.images)
    assert dataset.image_files == expected.files and np.array_equal(dataset.labels, expected.labels)
    picture = normalize(preprocess(read_image(world.images / expected.files[5]), PREPARATION), PREPARATION)
    network = load(Request(pooling="mean")).network.requires_grad_(False)
    assert np.allclose(dataset.features[5], network(picture)[0].numpy(), rtol=1e-4, atol=1e-5)
    stored = stored_extraction(world.folder / "efficientnet_lite0.h5")
    assert stored["extractor"] == "efficientnet-lite0" and len(stored["weights_sha256"]) == 64
    assert {path.name for path in world.folder.iterdir() if "partial" in path.name} == set()
    data = ("--data", world.folder.parent, "--features", "efficientnet_lite0", "--results", tmp_path / "runs")
    ran = call("run", "--method", "eszsl", "--dataset", "FLO", *data, "--json")
    assert ran.exit_code == 0, ran.output
    record = json.loads(ran.output.splitlines()[-1])
    assert record["metrics"]["last"]["S"] > 60  # classes differ by colour
    assert record["run"]["extraction"] == dataset.extraction == stored
    shown = call("data", "show", "FLO", *data[:4], "--json")
    assert json.loads(shown.output)["extraction"] == stored


def test_a_finished_extraction_is_repeated_only_with_again(world, extracted):
    target = world.folder / "efficientnet_lite0.h5"
    first = extracted()
    assert "next: gzslbench run --method eszsl --dataset FLO --features efficientnet_lite0" in first.output
    before = target.stat().st_mtime_ns
    outcome = extracted()
    assert outcome.exit_code == 0 and "was extracted in exactly this way" in outcome.output
    assert target.stat().st_mtime_ns == before and "40 of 40 images" not in outcome.output
    assert extracted("--again").exit_code == 0 and target.stat().st_mtime_ns > before


@pytest.mark.parametrize("newer", [False, True])
def test_what_is_unfinished_next_to_a_finished_file_stays_only_if_it_is_newer(world, extracted, newer):
    """Older is what a process leaves that is killed at its end; newer is a stopped ``--again``."""
    assert extracted().exit_code == 0
    target = world.folder / "efficientnet_lite0.h5"
    partial = world.folder / f"{target.name}.partial"
    partial.mkdir()
    (partial / "journal").touch()
    seconds = target.stat().st_mtime + (60 if newer else -60)
    os.utime(partial / "journal", (seconds, seconds))
    assert "was extracted in exactly this way" in extracted().output
    assert partial.exists() == newer


def test_features_say_what_the_network_was_trained_on(world, extracted):
    target = world.folder / "efficientnet_lite0.h5"
    assert extracted("--pretraining", "imagenet-1k", "--finetuned", "trainval").exit_code == 0
    stored = stored_extraction(target)
    assert (stored["pretraining"], stored["finetuned"]) == ("imagenet-1k", "trainval")
    dataset = load_dataset("FLO", "efficientnet_lite0", root=world.folder.parent)
    assert dataset.pretraining == describe_task(dataset).pretraining == "imagenet-1k, fine-tuned on trainval"
    outcome = extracted("--pretraining", "web image-text")
    assert outcome.exit_code == 2 and "differ in: pretraining, finetuned" in outcome.output


def test_features_of_which_nobody_says_it_are_of_unknown_training(world, extracted):
    assert extracted().exit_code == 0
    dataset = load_dataset("FLO", "efficientnet_lite0", root=world.folder.parent)
    assert dataset.pretraining == "unknown"


def test_a_file_of_an_earlier_version_is_complete_and_of_unknown_training(world, extracted):
    target = world.folder / "efficientnet_lite0.h5"
    assert extracted().exit_code == 0
    with h5py.File(target, "r+") as file:
        earlier = {
            name: value
            for name, value in json.loads(file.attrs["extraction"]).items()
            if name not in ("pretraining", "finetuned")
        }
        file.attrs["extraction"] = json.dumps(earlier)
    assert "was extracted in exactly this way" in extracted("--pretraining", "imagenet-1k").output
    assert load_dataset("FLO", "efficientnet_lite0", root=world.folder.parent).pretraining == "unknown"


def test_what_the_extractor_knows_of_its_weights_is_not_overruled(world, extracted, monkeypatch):
    known = Weights("known.pth", "0" * 64, "imagenet-1k")
    network = extract_module.load_extractor()
    monkeypatch.setattr(extract_module, "load_extractor", lambda *_: replace(network, weights=known))
    outcome = extracted("--pretraining", "web image-text")
    assert outcome.exit_code == 2 and "pretraining of known.pth is imagenet-1k" in outcome.output
    assert extracted("--pretraining", "imagenet-1k").exit_code == 0


def test_missing_images_are_named_before_anything_is_computed(world, extracted):
    files = list_flowers(world.folder, world.images).files
    for file in files[3:15]:
        (world.images / file).unlink()
    outcome = extracted()
    assert outcome.exit_code == 2 and "12 of 40 images are missing" in outcome.output
    assert files[3] in outcome.output and files[14] not in outcome.output and "and 2 more" in outcome.output
    assert "a second" not in outcome.output


def test_features_next_to_class_lists_are_not_out_of_date(world, extracted):
    (world.folder / "valclasses1.txt").write_text("class 1\n")
    assert extracted().exit_code == 0
    dataset = load_dataset("FLO", "efficientnet_lite0", root=world.folder.parent)
    assert dataset.validation.val_classes.tolist() == [0]


def test_an_unreadable_image_stops_the_command_unless_its_row_may_be_skipped(world, extracted, tmp_path):
    file = list_flowers(world.folder, world.images).files[3]
    (world.images / file).write_bytes(b"not an image")
    outcome = extracted()
    assert outcome.exit_code == 2 and f"{file}: this is not an image that can be read" in outcome.output
    assert "1 images cannot be read" in outcome.output and "--skip" in outcome.output
    assert not (world.folder / "efficientnet_lite0.h5").exists()
    outcome = extracted("--skip", "--out", tmp_path / "some.h5")
    assert outcome.exit_code == 0 and f"left out: {file}" in outcome.output
    whole = list_flowers(world.folder, world.images)
    part = load_dataset(tmp_path / "some.h5")
    assert part.image_files == tuple(name for name in whole.files if name != file)
    assert sum(part.split.counts.values()) == 39 and part.split.name == "part"
    assert any("1 of 40 rows left out" in note for note in part.notes)


def test_images_that_changed_since_an_unfinished_extraction_are_reported(world, extracted):
    first, other = (world.images / list_flowers(world.folder, world.images).files[row] for row in (0, 30))
    sound = first.read_bytes()
    first.write_bytes(b"not an image")
    assert extracted().exit_code == 2
    first.write_bytes(sound)
    os.utime(other, (1, 1))
    outcome = extracted()
    assert outcome.exit_code == 0 and "1 of 4 stored batches" in outcome.output, outcome.output


def test_a_class_without_an_image_is_refused_even_with_skip(world, extracted, tmp_path):
    whole = list_flowers(world.folder, world.images)
    for file, label in zip(whole.files, whole.labels, strict=True):
        if label == 4:
            (world.images / file).unlink()
    outcome = extracted("--skip", "--out", tmp_path / "some.h5")
    assert outcome.exit_code == 2 and "images can be read" in outcome.output
    assert not (tmp_path / "some.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--out", "features.mat"), "does not end in .h5"),
        (("--extractor", "efficientnet"), "did you mean 'efficientnet-lite0'"),
        (("--extractor", "resnet101"), "comes without weights"),
        (("--weights", "none.pth"), "none.pth"),
        (("--dataset", "digits"), "not a folder with splits"),
    ],
)
def test_a_wrong_argument_is_an_error_before_anything_is_computed(extract, arguments, complaint):
    outcome = extract(*arguments)
    assert outcome.exit_code == 2 and complaint in outcome.output, outcome.output


def test_other_files_of_the_same_name_are_not_replaced(world, extracted):
    (world.folder / "efficientnet_lite0.mat").write_bytes(b"features from elsewhere")
    outcome = extracted()
    assert outcome.exit_code == 2 and "name another file with --out" in outcome.output
    (world.folder / "efficientnet_lite0.mat").unlink()
    (world.folder / "efficientnet_lite0.h5").write_bytes(b"something else")
    assert extracted().exit_code == 2
    assert (world.folder / "efficientnet_lite0.h5").read_bytes() == b"something else"


def test_a_second_extraction_to_the_same_file_is_refused_while_the_first_runs(world, extracted, tmp_path):
    target = world.folder / "efficientnet_lite0.h5"
    with lock_partial(target) as folder:
        outcome = extracted("--batch-size", "4")
        assert outcome.exit_code == 2 and not folder.exists()
        assert f"another process works on this file: process {os.getpid()} on" in outcome.output
        assert extracted("--out", tmp_path / "other.h5").exit_code == 0
    assert extracted().exit_code == 0
    assert not [path for path in world.folder.iterdir() if "lock" in path.name]


@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs FLO's files under GZSLBENCH_DATA")
def test_real_index_files_give_the_rows_of_the_published_features():
    folder = Path(os.environ["GZSLBENCH_DATA"]) / "FLO"
    dataset, listed = load_dataset("FLO", "efficientnet_lite0"), list_flowers(folder, folder / "jpg")
    assert listed.files == tuple(Path(name.strip()).name for name in dataset.image_files)
    assert np.array_equal(listed.labels, dataset.labels)
