"""Features of further images are those that the same images have in the dataset."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract import extract, repeat
from gzslbench.prepare.extract.extract import ExtractionRequest, extract_features
from gzslbench.report.terminal.progress import watch_count


@pytest.fixture
def dataset(world, small, monkeypatch):
    """A dataset with features of the small network, which the extractor then names by another name."""
    extractor = replace(small().extractor, packages=())
    for module in (extract, repeat):
        monkeypatch.setattr(module, "load_extractor", lambda *_: extractor)
    request = ExtractionRequest(f"{world.folder}", world.images, "resnet101", batch_size=4)
    result = extract_features(request, lambda _: None, partial(watch_count, what="images"))
    return load_dataset(result.path)


def test_an_image_of_the_dataset_gets_its_stored_features(dataset, world):
    extraction = repeat.repeat_extraction(dataset.extraction)
    files = [world.images / Path(file).name for file in dataset.image_files[:7]]
    found = repeat.extract_files(extraction, files)
    np.testing.assert_allclose(found, dataset.features[:7], rtol=1e-5)


def test_other_weights_are_refused_by_name(dataset, small, monkeypatch):
    monkeypatch.setattr(repeat, "load_extractor", lambda *_: small(sha256="1" * 64).extractor)
    with pytest.raises(ExtractionError, match="weights_sha256") as caught:
        repeat.repeat_extraction(dataset.extraction)
    assert "--weights" in caught.value.fix


def test_features_of_unknown_origin_cannot_be_repeated():
    with pytest.raises(ExtractionError, match="does not say how"):
        repeat.repeat_extraction({})


def test_images_that_cannot_be_read_are_all_named(dataset, world, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    extraction = repeat.repeat_extraction(dataset.extraction)
    files = [tmp_path / "broken.jpg", world.file(1), tmp_path / "absent.jpg"]
    with pytest.raises(ExtractionError, match="2 of 3 images") as caught:
        repeat.extract_files(extraction, files)
    assert all(name in caught.value.what for name in ("broken.jpg", "absent.jpg"))


def test_folders_stand_for_their_images(world, tmp_path):
    nested = tmp_path / "folder" / "inside"
    nested.mkdir(parents=True)
    for name in ("b.JPG", "a.png", "notes.txt"):
        (nested / name).write_bytes(b"")
    one = tmp_path / "one.jpg"
    one.touch()
    found = repeat.list_images([one, tmp_path / "folder"])
    assert found == [one, nested / "a.png", nested / "b.JPG"]
    with pytest.raises(ExtractionError, match="no such file"):
        repeat.list_images([tmp_path / "two.jpg"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ExtractionError, match="no image"):
        repeat.list_images([tmp_path / "nothing"])
