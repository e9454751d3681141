"""Networks of every family are divided into blocks, train, and take their fine-tuned weights back."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.plugins.extractor import Request
from gzslbench.prepare.extract.extract import load_extractor, make_request
from gzslbench.prepare.extract.finetuned import write_finetuned
from gzslbench.prepare.extract.listings import ImageList
from gzslbench.prepare.extract.loading import Pooled
from gzslbench.prepare.finetune.blocks import find_blocks
from gzslbench.prepare.finetune.finetune import FinetuneRequest
from gzslbench.prepare.finetune.images import TrainingImages
from gzslbench.prepare.finetune.training import FineTuning
from gzslbench_features import efficientnet_lite0, huggingface
from gzslbench_features.resnet101.loading import BLOCKS, ResNet101

KINDS = {"vit": 4, "dinov2": 4, "registers": 4, "clip": 4, "siglip": 4, "swin": 3, "resnet": 3, "convnext": 3}
"""By kind of model, its number of blocks at least: the embedding, then the layers or stages."""


@pytest.fixture(scope="module")
def folder(saved):
    return cache(saved)


@pytest.fixture
def images(tmp_path):
    random, labels = np.random.default_rng(0), np.repeat(np.arange(3), 4)
    files = tuple(f"{row}.png" for row in range(12))
    for file in files:
        Image.fromarray(random.integers(0, 256, (40, 44, 3)).astype(np.uint8)).save(tmp_path / file)
    return lambda preparation: TrainingImages(preparation, ImageList(files, labels), tmp_path, "crop", 0)


def tune(extractor, images, folder, layers):
    """Train one epoch on nine images of three classes; three others choose nothing."""
    rows = np.setdiff1d(np.arange(12), [0, 4, 8]), np.array([0, 4, 8])
    request = FinetuneRequest("", folder, "", epochs=1, lr=1e-2, layers=layers, batch_size=5)
    tuning = FineTuning(extractor.network, request, images(extractor.preparation), rows, torch.device("cpu"))
    tuning.run(folder / "checkpoint", "owner", lambda _: None, lambda _: None)
    return tuning


def save(tuning, extractor, spec, file):
    made = {"extractor": spec.name, "base": None, "base_weights": extractor.weights.name}
    made |= {"base_sha256": extractor.weights.sha256, "pretraining": "unknown", "finetuned": "trainval"}
    write_finetuned(file, made, tuning.best)
    return str(file)


@pytest.mark.acceptance  # transformers takes seconds to import its models
@pytest.mark.parametrize("kind", KINDS)
def test_models_of_transformers(folder, images, tmp_path, kind):
    spec, model = huggingface.SPEC, str(folder(kind))
    extractor = load_extractor(spec, make_request(spec, model))
    before = {name: value.clone() for name, value in extractor.network.state_dict().items()}
    pixels = torch.stack([images(extractor.preparation)[0][0]])
    assert len(find_blocks(extractor.network, pixels)) >= KINDS[kind]
    tuning = tune(extractor, images, tmp_path, layers=1)
    changed = {name for name, value in tuning.best.items() if not torch.equal(value, before[name])}
    inside = tuple(f"{name}." for name in tuning.trained)
    assert changed and all(name.startswith(inside) for name in changed)
    file = save(tuning, extractor, spec, tmp_path / "tuned.pt")
    again = load_extractor(spec, make_request(spec, model, file))
    with torch.no_grad():
        assert torch.allclose(again.network(pixels), extractor.network(pixels), rtol=1e-4, atol=1e-5)
    assert again.weights.finetuned == "trainval"


@pytest.mark.acceptance  # the real network computes for seconds
def test_efficientnet(images, tmp_path):
    spec = efficientnet_lite0.SPEC
    extractor = load_extractor(spec, make_request(spec))
    tuning = tune(extractor, images, tmp_path, layers=3)
    assert tuning.trained == [
        f"network.{part}" for part in ("_blocks.14", "_blocks.15", "_conv_head", "_bn1")
    ]
    file = save(tuning, extractor, spec, tmp_path / "tuned.pt")
    again = load_extractor(spec, make_request(spec, weights=file))
    assert all(torch.equal(value, tuning.best[name]) for name, value in again.network.state_dict().items())
    assert again.weights.pretraining == "unknown" and again.preparation == extractor.preparation


def test_resnet101_has_a_block_for_its_stem_and_each_bottleneck():
    network = ResNet101()
    pooled = Pooled(network, partial(network, layer="layer4"), Request(pooling="mean").pooling).eval()
    found = find_blocks(pooled, torch.zeros(1, 3, 32, 32))
    assert len(found) == 1 + sum(BLOCKS.values())
    assert found[0] == ["network.conv1", "network.bn1"] and found[-1] == ["network.layer4.2"]
