from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from gzslbench.data.load import load_dataset
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Request
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench_features.efficientnet_lite0 import PREPARATION, SPEC
from gzslbench_features.efficientnet_lite0.loading import load


@pytest.mark.acceptance
@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs FLO's images under GZSLBENCH_DATA")
def test_features_of_real_images_are_those_that_are_stored():
    folder = Path(os.environ["GZSLBENCH_DATA"]) / "FLO" / "jpg"
    dataset = load_dataset("FLO", "efficientnet_lite0")
    rows = {Path(name.strip()).name: row for row, name in enumerate(dataset.image_files)}
    files = sorted(folder.glob("*.jpg"))[::20]
    assert len(files) > 20
    network = load(Request(pooling="mean")).network
    images = torch.cat([preprocess(read_image(file), PREPARATION) for file in files])
    with torch.inference_mode():
        found = network(normalize(images, PREPARATION)).numpy()
    stored = np.asarray(dataset.features)[[rows[file.name] for file in files]]
    assert found.shape == (len(files), SPEC.width)
    assert (np.linalg.norm(found - stored, axis=1) / np.linalg.norm(stored, axis=1)).max() < 1e-4


def test_without_its_packages_it_says_how_to_get_them(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ExtractionError, match=r"gzslbench\[efficientnet-lite0\]"):
        load(Request())


def test_weights_of_another_network_are_refused(tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(1)}, file)
    with pytest.raises(ExtractionError, match="another network"):
        load(Request(weights=str(file)))


def test_only_the_weights_of_the_package_are_known_to_be_imagenets(tmp_path):
    packaged = load(Request(pooling="mean"))
    assert packaged.weights.pretraining == SPEC.pretraining == "imagenet-1k"
    torch.save(packaged.network.network.state_dict(), tmp_path / "mine.pth")
    assert load(Request(weights=str(tmp_path / "mine.pth"), pooling="mean")).weights.pretraining == "unknown"
