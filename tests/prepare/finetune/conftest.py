"""A dataset of small photographs, and a small network with weights in a file, to fine-tune in a second."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gzslbench.api.build import build
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, Preparation, Request, Weights
from gzslbench.plugins.registry import Plugins
from gzslbench.prepare.extract.extract import ExtractionRequest, ExtractionResult, extract_features
from gzslbench.prepare.extract.loading import hash_weights
from gzslbench.prepare.finetune.finetune import FinetuneRequest, finetune_extractor
from gzslbench.prepare.finetune.training import FineTuning

CLASSES = [f"bird {letter}" for letter in "abcdefgh"]
UNSEEN = CLASSES[6:]
EACH = 10


class Net(nn.Module):
    """Six features: a stem, three blocks, and a classifier that the features do not use."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.norm = nn.BatchNorm2d(6)
        self.blocks = nn.Sequential(*(Block() for _ in range(3)))
        self.fc = nn.Linear(6, 1000)

    def forward(self, images):
        return self.blocks(self.norm(self.stem(images)).relu()).mean(dim=(2, 3))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.bn = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return x + self.dropout(self.bn(self.conv(x)).relu())


def make_net(request: Request) -> Extractor:
    torch.manual_seed(int(request.weights or 1))
    network = Net().eval()
    weights = Weights(f"net-{request.weights}", hash_weights(network), "imagenet-1k")
    return Extractor(network, weights, Preparation(short_side=20, crop=16))


def make_frozen(request: Request) -> Extractor:
    """An extractor that cannot be trained: it computes without gradients."""
    found = make_net(request)
    found.network.forward = torch.no_grad()(found.network.forward)
    return found


SPEC = ExtractorSpec("net", "Net", "nobody, 2026", "", "toy_extractors:make_net", weights="", width=6)
FROZEN = replace(SPEC, name="frozen", load="toy_extractors:make_frozen")


class Result(NamedTuple):
    path: Path
    provenance: dict[str, Any]


@dataclass
class Studio:
    """A built dataset, and what is called on it."""

    folder: Path
    images: Path

    def finetune(self, note=lambda _: None, **changes: Any) -> Result:
        changes = {"extractor": "net", "device": "cpu", "epochs": 2, "lr": 1e-2, "batch_size": 8, **changes}
        request = FinetuneRequest(str(self.folder), self.images, **changes)
        return Result(*finetune_extractor(request, note, self.count))

    def extract(self, weights: Path | str | None = None, **changes: Any) -> ExtractionResult:
        given = None if weights is None else str(weights)
        request = ExtractionRequest(str(self.folder), self.images, "net", given, device="cpu", **changes)
        return extract_features(request, lambda _: None, lambda _: nullcontext(lambda _: None))

    def network(self, weights: str | None = None) -> nn.Module:
        """The network before fine-tuning."""
        return make_net(Request(weights=weights)).network

    def count(self, total: int):
        self.total, self.read = total, 0
        return nullcontext(self.step)

    def step(self, count: int) -> None:
        self.read += count


@pytest.fixture
def toys(monkeypatch) -> None:
    """Offers the extractors ``net`` and ``frozen``."""
    module = ModuleType("toy_extractors")
    module.make_net, module.make_frozen = make_net, make_frozen
    monkeypatch.setitem(sys.modules, "toy_extractors", module)
    monkeypatch.setattr(Plugins, "extractor", lambda _, name: {"net": SPEC, "frozen": FROZEN}[name])


@pytest.fixture
def accuracies(monkeypatch):
    """Sets the held-out accuracy of every epoch, so that the chosen epoch does not depend on the toy data."""

    def prescribe(*values: float) -> None:
        monkeypatch.setattr(FineTuning, "_measure", lambda self, _: values[len(self.history)])

    return prescribe


@pytest.fixture
def studio(tmp_path, toys) -> Studio:
    random = np.random.default_rng(0)
    images = tmp_path / "photos"
    for number, name in enumerate(CLASSES):
        (images / name).mkdir(parents=True)
        for photo in range(EACH):
            pixels = 30 * number + random.integers(0, 60, size=(24, 28, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(images / name / f"{photo}.png")
    semantics = {name: random.normal(size=4) for name in CLASSES}
    folder = build(tmp_path / "birds", semantics=semantics, images=images, unseen=UNSEEN, quiet=True)
    return Studio(folder, images)
