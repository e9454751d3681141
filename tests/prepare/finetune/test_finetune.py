"""Fine-tuning reads only training rows of seen classes, repeats to the bit, and says how it was done."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gzslbench.api.build import build
from gzslbench.data.dataset import hold_out
from gzslbench.data.load import load_dataset
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import ExtractionError
from gzslbench.files import sha256_of
from gzslbench.plugins.extractor import Preparation, Request
from gzslbench.prepare.extract.finetuned import read_finetuned
from gzslbench.prepare.extract.listings import list_built
from gzslbench.prepare.extract.repeat import repeat_extraction
from gzslbench.prepare.finetune import images as images_module
from gzslbench.prepare.finetune.finetune import FinetuneRequest
from gzslbench.prepare.finetune.images import TrainingImages
from gzslbench.prepare.finetune.training import FineTuning


@pytest.fixture
def dataset(studio):
    """The dataset with features of the unchanged network."""
    return load_dataset(studio.extract().path)


def test_no_image_of_a_test_row_is_read(studio, dataset):
    first = studio.finetune().path.read_bytes()
    tests = np.concatenate([dataset.split.test_seen, dataset.split.test_unseen])
    for position, row in enumerate(tests):
        file = studio.images / dataset.image_files[row]
        if position % 2:
            file.unlink()
        else:
            file.write_bytes(b"not an image")
    assert studio.finetune(again=True).path.read_bytes() == first


def test_every_image_that_is_read_is_of_the_rows_in_the_file(studio, dataset, monkeypatch):
    opened = set()
    read_image = images_module.read_image

    def read(file, box=None):
        opened.add(Path(file).relative_to(studio.images).as_posix())
        return read_image(file, box)

    monkeypatch.setattr(images_module, "read_image", read)
    made = studio.finetune().provenance
    rows = [row for row, file in enumerate(dataset.image_files) if file in opened]
    assert np.array_equal(rows, dataset.split.trainval)
    assert made["rows"]["train"]["count"] + made["rows"]["held_out"]["count"] == len(rows)
    assert made["classes"] == [dataset.class_names[label] for label in dataset.seen_classes]
    assert studio.read == studio.total


def test_for_validation_only_the_training_rows_of_the_validation_split_are_read(studio, dataset, monkeypatch):
    opened = set()
    read_image = images_module.read_image
    monkeypatch.setattr(
        images_module, "read_image", lambda file, box=None: (opened.add(str(file)), read_image(file, box))[1]
    )
    result = studio.finetune(for_validation=True)
    validation = validation_dataset(dataset).split
    expected = {str(studio.images / dataset.image_files[row]) for row in validation.trainval}
    assert opened == expected
    assert result.provenance["validation_split"] == validation.fingerprint
    assert result.path.name == "net_finetuned_for_validation.pt"
    left_out = set(dataset.labels[validation.test_unseen])
    names = {dataset.class_names[label] for label in set(dataset.seen_classes) - left_out}
    assert set(result.provenance["classes"]) == names


def test_the_same_seed_gives_the_same_file_and_another_seed_another(studio, tmp_path):
    out = {name: tmp_path / f"{name}.pt" for name in ("one", "two", "three")}
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        studio.finetune(seed=seed, out=out[name])
    assert sha256_of(out["one"]) == sha256_of(out["two"]) != sha256_of(out["three"])


def test_an_interrupted_fine_tuning_continues_to_the_same_weights(studio, tmp_path):
    whole = studio.finetune(epochs=3, out=tmp_path / "whole.pt")
    stopped, notes = tmp_path / "stopped.pt", []

    def stop(line):
        notes.append(line)
        if line.startswith("epoch 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        studio.finetune(stop, epochs=3, out=stopped)
    assert not stopped.exists() and "the same command continues" in notes[-1]
    with pytest.raises(ExtractionError, match="cannot continue") as caught:
        studio.finetune(epochs=3, out=stopped, lr=1e-3)
    assert "--again" in caught.value.fix
    lines = []
    studio.finetune(lines.append, epochs=3, out=stopped)
    assert "continues after epoch 1" in lines and not any(line.startswith("epoch 1") for line in lines)
    assert studio.read == studio.total
    assert stopped.read_bytes() == whole.path.read_bytes()
    assert not stopped.with_name("stopped.pt.partial").exists()


def test_the_weights_are_those_of_the_first_epoch_with_the_highest_accuracy(studio, accuracies, tmp_path):
    accuracies(80.0, 70.0, 70.0, 60.0)
    notes = []
    best = studio.finetune(notes.append, epochs=3, out=tmp_path / "best.pt")
    assert any("no epoch is better" in line for line in notes)
    assert best.provenance["chosen_epoch"] == 1
    assert [line["accuracy"] for line in best.provenance["history"]] == [80.0, 70.0, 70.0, 60.0]
    accuracies(50.0, 40.0, 40.0, 60.0)
    last = studio.finetune(epochs=3, out=tmp_path / "last.pt")
    early, late = (read_finetuned(result.path)[1]["stem.weight"] for result in (best, last))
    assert not torch.equal(early, late)
    assert last.provenance["chosen_epoch"] == 3


def test_the_held_out_accuracy_is_the_mean_over_the_classes(studio, dataset):
    """A classifier that always names the second class is right on one of six classes, whatever their rows."""
    rows = hold_out(dataset.labels, dataset.split.trainval, 0.3)
    listed = list_built(studio.folder, studio.images)
    images = TrainingImages(Preparation(short_side=20, crop=16), listed, studio.images, "none", 0)
    request = FinetuneRequest("birds", studio.images, "net")
    tuning = FineTuning(studio.network(), request, images, rows, torch.device("cpu"))
    with torch.no_grad():
        tuning.classifier.weight.zero_()
        tuning.classifier.bias.copy_(torch.tensor([0.0, 1, 0, 0, 0, 0]))
    assert tuning._measure(lambda _: None) == pytest.approx(100 / 6)


def test_only_the_last_blocks_change_and_statistics_stay(studio, accuracies):
    accuracies(0.0, 1.0)
    result = studio.finetune(layers=2, epochs=1)
    assert result.provenance["trained"] == ["blocks.1", "blocks.2"]
    changed = changed_weights(studio, result)
    assert {name.rpartition(".")[0] for name in changed} == {
        f"blocks.{block}.{part}" for block in (1, 2) for part in ("conv", "bn")
    }
    assert not any("running" in name for name in changed)


def test_all_that_gives_the_features_changes_and_statistics_if_they_train(studio, accuracies):
    accuracies(0.0, 1.0)
    changed = changed_weights(studio, studio.finetune(epochs=1, batch_norm="train"))
    unused = {"fc.weight", "fc.bias"}
    assert changed == set(studio.network().state_dict()) - unused


def changed_weights(studio, result) -> set[str]:
    _, tuned = read_finetuned(result.path)
    before = studio.network().state_dict()
    return {name for name, value in tuned.items() if not torch.equal(value, before[name])}


def test_the_same_fine_tuning_is_not_repeated_and_removes_what_a_kill_left(studio):
    first = studio.finetune()
    unfinished = first.path.with_name(f"{first.path.name}.partial")
    unfinished.write_bytes(b"the last checkpoint")
    before = first.path.stat().st_mtime_ns
    again = studio.finetune()
    assert again.provenance == first.provenance
    assert first.path.stat().st_mtime_ns == before and not unfinished.exists()


def test_a_finished_file_is_replaced_only_with_again(studio):
    first = studio.finetune().path.read_bytes()
    with pytest.raises(ExtractionError, match="the file exists") as caught:
        studio.finetune(lr=1e-3)
    assert "--again" in caught.value.fix
    result = studio.finetune(lr=1e-3, again=True)
    assert result.provenance["recipe"]["lr"] == 1e-3 and result.path.read_bytes() != first


def test_features_of_fine_tuned_weights_say_so_and_have_a_name_of_their_own(studio, dataset):
    result = studio.finetune()
    tuned = load_dataset(studio.extract(result.path).path)
    assert (dataset.features_name, tuned.features_name) == ("net", "net_finetuned")
    assert tuned.pretraining == "imagenet-1k, fine-tuned on trainval"
    assert tuned.extraction["finetuning"] == json.loads(json.dumps(result.provenance))
    assert tuned.extraction["weights_sha256"] == sha256_of(result.path)
    if result.provenance["chosen_epoch"]:
        assert not np.allclose(tuned.features, dataset.features)


def test_weights_of_another_split_are_named_so(studio, tmp_path, dataset):
    result = studio.finetune()
    semantics = dict(zip(dataset.class_names, dataset.semantics, strict=True))
    other = build(
        tmp_path / "other", semantics=semantics, images=studio.images, unseen=["bird a"], quiet=True
    )
    studio.folder = other
    tuned = load_dataset(studio.extract(result.path).path)
    assert tuned.pretraining.endswith("fine-tuned on trainval of another split (birds)")


def test_photographs_are_classified_with_the_same_weights_only(studio, tmp_path):
    result = studio.finetune()
    tuned = load_dataset(studio.extract(result.path).path)
    extraction = repeat_extraction(tuned.extraction, str(result.path))
    assert extraction.extractor.weights.sha256 == tuned.extraction["weights_sha256"]
    with pytest.raises(ExtractionError, match="weights_sha256") as caught:
        repeat_extraction(tuned.extraction)
    assert "net_finetuned.pt" in str(caught.value.where)
    other = studio.finetune(seed=5, out=tmp_path / "other.pt")
    with pytest.raises(ExtractionError, match="weights_sha256"):
        repeat_extraction(tuned.extraction, str(other.path))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"extractor": "frozen"}, "do not depend on weights"),
        ({"layers": 9}, "has 4 blocks"),
        ({"lr": 1e30}, "the loss is not finite"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_advice(studio, changes, match):
    with pytest.raises(ExtractionError, match=match) as caught:
        studio.finetune(**changes)
    assert caught.value.fix


def test_fine_tuned_weights_are_not_fine_tuned_again(studio):
    result = studio.finetune()
    with pytest.raises(ExtractionError, match="fine-tuned already"):
        studio.finetune(weights=str(result.path))


def test_weights_before_fine_tuning_must_be_the_same(studio, monkeypatch):
    result = studio.finetune()
    another = sys.modules["toy_extractors"].make_net(Request(weights="7"))
    monkeypatch.setattr("toy_extractors.make_net", lambda _: another)
    with pytest.raises(ExtractionError, match="from other weights"):
        studio.extract(result.path)


def test_a_missing_training_image_is_named_before_anything_is_computed(studio, dataset):
    file = dataset.image_files[dataset.split.trainval[0]]
    (studio.images / file).unlink()
    with pytest.raises(ExtractionError, match=r"1 of \d+ images are missing") as caught:
        studio.finetune()
    assert file in caught.value.what


def test_settings_are_in_the_file(studio):
    made = studio.finetune(augment="flip", batch_norm="train").provenance
    assert made["recipe"] == {
        **{"epochs": 2, "lr": 1e-2, "layers": 0, "augment": "flip", "batch_norm": "train"},
        **{"batch_size": 8, "seed": 0, "precision": "fp32"},
    }
