from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torch import nn

from gzslbench.plugins.extractor import Extractor, ExtractorSpec, Preparation, Request, Weights
from gzslbench.prepare.extract.compute import Extraction

SEEN, UNSEEN, EACH = 3, 2, 8
CLASSES = SEEN + UNSEEN


class World:
    """A folder of the shape of Oxford Flowers': five classes of eight images of their own colour."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "FLO"
        self.images = self.folder / "jpg"
        self.images.mkdir(parents=True)
        random = np.random.default_rng(0)
        self.labels = random.permutation(np.repeat(np.arange(CLASSES), EACH))
        count = len(self.labels)
        numbers = random.permutation(count) + 1
        parts = np.split(numbers, [count // 3, 2 * count // 3])
        savemat(self.folder / "imagelabels.mat", {"labels": self.labels[None] + 1})
        savemat(self.folder / "setid.mat", dict(zip(("trnid", "valid", "tstid"), parts, strict=True)))
        self.numbers = np.concatenate([parts[0], parts[1], parts[2]])
        in_order = self.labels[self.numbers - 1]
        self.split(in_order, random)
        for number, label in enumerate(self.labels, start=1):
            colour = 40 + 40 * label + random.integers(-20, 20, size=(30, 40, 3))
            Image.fromarray(colour.clip(0, 255).astype(np.uint8)).save(self.file(number), quality=95)

    def file(self, number: int) -> Path:
        return self.images / f"image_{number:05d}.jpg"

    def split(self, labels, random) -> None:
        rows = np.arange(len(labels))
        seen = rows[labels < SEEN]
        test_seen = np.concatenate([seen[labels[seen] == c][:3] for c in range(SEEN)])
        savemat(
            self.folder / "att_splits.mat",
            {
                "att": random.normal(size=(6, CLASSES)),
                "trainval_loc": np.setdiff1d(seen, test_seen)[:, None] + 1,
                "test_seen_loc": test_seen[:, None] + 1,
                "test_unseen_loc": rows[labels >= SEEN][:, None] + 1,
            },
        )


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


class Small(nn.Module):
    """Four features; it counts the images that it is given."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 4, 5, stride=3)
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return self.convolution(images).relu().mean(dim=(2, 3))


@pytest.fixture
def small():
    """Makes extractions by a small network."""
    spec = ExtractorSpec("small", "Small", "nobody, 2026", "", "", weights="", width=4)

    def make(sha256="0" * 64, crops="centre", **settings) -> Extraction:
        preparation = Preparation(short_side=20, crop=16, crops=crops)
        extractor = Extractor(Small().eval(), Weights("small.pth", sha256), preparation)
        return Extraction(spec, extractor, Request(), **{"batch_size": 6, **settings})

    return make


class Archive:
    """The folder of a dataset with splits, and a folder for images; rows of a class are neighbors."""

    def __init__(self, root: Path, names: list[str]) -> None:
        self.folder, self.images = root / "dataset", root / "archive" / "images"
        self.folder.mkdir()
        self.images.mkdir(parents=True)
        self.names = names

    def split(self, labels: np.ndarray) -> None:
        """Rows of the last classes are unseen."""
        rows = np.arange(len(labels))
        seen = rows[labels < SEEN]
        parts = {
            "trainval_loc": seen[::2],
            "test_seen_loc": seen[1::2],
            "test_unseen_loc": rows[labels >= SEEN],
        }
        savemat(
            self.folder / "att_splits.mat",
            {
                "att": np.random.default_rng(0).normal(size=(4, CLASSES)),
                "allclasses_names": np.array([[name] for name in self.names], dtype=object),
                **{name: part[:, None] + 1 for name, part in parts.items()},
            },
        )

    def image(self, name: str) -> None:
        """An empty file: listings read names alone."""
        (self.images / name).parent.mkdir(parents=True, exist_ok=True)
        (self.images / name).touch()

    def features(self, names: list[str], labels: np.ndarray) -> None:
        """A published feature file that names images."""
        savemat(
            self.folder / "res101.mat",
            {
                "features": np.zeros((3, len(names))),
                "labels": labels[:, None] + 1,
                "image_files": np.array([[f"/home/someone/archive/{name}"] for name in names], dtype=object),
            },
        )


@pytest.fixture
def archive(tmp_path):
    """Makes an archive whose classes have these names."""
    return lambda names: Archive(tmp_path, names)
