"""Features of images: our extraction against the plain loop and against the network only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gzslbench.plugins.extractor import Extractor, ExtractorSpec, Preparation, Request, Weights
from gzslbench.prepare.extract.compute import Extraction, compute_features
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.listings import ImageList
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting

BATCH = 32
IMAGES, ON_CUDA, QUICK = 128, 8192, 4
SIZE, QUICK_SIZE = (667, 500), (60, 45)
FILES = 64
"""Different files; more images repeat them."""
GPU_WORKERS = 16
LITE0 = "EfficientNet-Lite0"


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Each network over JPEG files of the size that Oxford Flowers' have; weights are random."""
    count = QUICK if conditions.quick else ON_CUDA if conditions.on_cuda else IMAGES
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        root = Path(scratch)
        _write_images(root, min(count, FILES), QUICK_SIZE if conditions.quick else SIZE)
        image_list = ImageList(
            tuple(f"{row % FILES}.jpg" for row in range(count)), np.zeros(count, dtype=np.int64)
        )
        for name, build in NETWORKS.items():
            if name == LITE0 and find_spec("efficientnet_lite_pytorch") is None:
                continue
            yield Setting(f"{name}, {count} images", _contestants(conditions, build, image_list, root))


def _contestants(
    conditions: Conditions, build: Callable[[], nn.Module], image_list: ImageList, root: Path
) -> list[Contestant]:
    cores = os.cpu_count() or 1
    many = GPU_WORKERS if conditions.on_cuda else cores
    made = partial(_extraction, conditions, build)
    return [
        Contestant(f"ours, {workers} workers", partial(_ours, made, image_list, root, workers))
        for workers in dict.fromkeys((many, 1, 0))
    ] + [
        Contestant("a plain loop: read a batch, compute it", partial(_plain, made, image_list, root)),
        Contestant("the network only", partial(_alone, made, image_list, root)),
        Contestant("reading only, this process", partial(_reading, made, image_list, root)),
    ]


def _extraction(conditions: Conditions, build: Callable[[], nn.Module], workers: int = 0) -> Extraction:
    torch.manual_seed(0)
    spec = ExtractorSpec("speed", "Speed", "unpublished, 2026", "", "", weights="random")
    extractor = Extractor(build().eval(), Weights("random", "0" * 64), Preparation())
    return Extraction(
        spec,
        extractor,
        Request(),
        BATCH,
        workers,
        device=conditions.device,
        precision=conditions.precision,
    )


def _ours(made: Callable[..., Extraction], image_list: ImageList, root: Path, workers: int) -> Program:
    extraction = made(workers=workers)

    def program() -> None:
        with TemporaryDirectory(prefix="gzslbench-") as scratch:
            compute_features(extraction, image_list, root, Path(scratch) / "partial")

    return program


def _plain(made: Callable[..., Extraction], image_list: ImageList, root: Path) -> Program:
    """Compute features by the obvious loop."""
    extraction = made()
    preparation, device = extraction.extractor.preparation, extraction.device
    assert isinstance(preparation, Preparation)

    def program() -> None:
        found = []
        with extraction.computing():
            for first in range(0, len(image_list.files), BATCH):
                pictures = [
                    _read(root / file, preparation) for file in image_list.files[first : first + BATCH]
                ]
                found.append(extraction.extractor.network(torch.cat(pictures).to(device)).cpu())
        torch.cat(found)

    return program


def _alone(made: Callable[..., Extraction], image_list: ImageList, root: Path) -> Program:
    """Run the network on one batch on the device, as often as there are batches."""
    extraction = made()
    batch = torch.cat(
        [preprocess(read_image(root / file), Preparation()) for file in image_list.files[:BATCH]]
    )
    on_device = batch[:, None].to(extraction.device)

    def program() -> None:
        with extraction.computing():
            for first in range(0, len(image_list.files), BATCH):
                extraction.features(on_device[: len(image_list.files) - first])

    return program


def _reading(made: Callable[..., Extraction], image_list: ImageList, root: Path) -> Program:
    def program() -> None:
        for file in image_list.files:
            preprocess(read_image(root / file), Preparation())

    return program


def _read(file: Path, preparation: Preparation) -> Tensor:
    return normalize(preprocess(read_image(file), preparation), preparation)


def _write_images(root: Path, count: int, size: tuple[int, int]) -> None:
    """Write coarse and fine noise, which compresses about as well as a real image."""
    random = np.random.default_rng(0)
    width, height = size
    for number in range(count):
        coarse = Image.fromarray(random.integers(256, size=(12, 16, 3), dtype=np.uint8)).resize(size)
        pixels = np.asarray(coarse, dtype=np.float64) + random.normal(0, 6, size=(height, width, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / f"{number}.jpg", quality=90)


def _resnet101() -> nn.Module:
    from gzslbench.prepare.extract.loading import Pooled
    from gzslbench_features.resnet101.loading import ResNet101

    network = ResNet101()
    return Pooled(network, network, "mean")


def _efficientnet_lite0() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    from gzslbench.prepare.extract.loading import Pooled

    network = EfficientNet.from_name("efficientnet-lite0")
    return Pooled(network, network.extract_features, "mean")


NETWORKS = {"ResNet-101": _resnet101, LITE0: _efficientnet_lite0}
