"""ResNet-101 (He et al., CVPR 2016) with torchvision's weights and names of weights, without torchvision."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Extractor, Preparation, Request
from gzslbench.prepare.extract.loading import Pooled, download_weights, read_weights


class PublishedWeights(NamedTuple):
    """A file of weights, the first digits of its sha256, and the preprocessing of the evaluated images."""

    url: str
    sha256: str
    preparation: Preparation


# Addresses, digits and sizes are those of torchvision.models.ResNet101_Weights.
PUBLISHED = {
    "IMAGENET1K_V1": PublishedWeights(
        "https://download.pytorch.org/models/resnet101-63fe2227.pth", "63fe2227", Preparation(short_side=256)
    ),
    "IMAGENET1K_V2": PublishedWeights(
        "https://download.pytorch.org/models/resnet101-cd907fc2.pth", "cd907fc2", Preparation(short_side=232)
    ),
}


def load(request: Request) -> Extractor:
    """Load the network with the weights of a file, or with torchvision's weights of this name."""
    if request.weights is None:
        raise ExtractionError(
            "resnet101 comes without weights",
            fix=f"name {' or '.join(PUBLISHED)}, or a file of torchvision's ResNet101_Weights, by --weights",
        )
    known = PUBLISHED.get(request.weights)
    if known is None and not Path(request.weights).is_file():
        raise ExtractionError(
            f"resnet101 has no weights {request.weights!r}, and there is no such file",
            where="--weights",
            fix=did_you_mean(request.weights, list(PUBLISHED)),
        )
    with torch.device("meta"):  # Random weights would take a second, and are replaced at once.
        network = ResNet101()
    network.to_empty(device="cpu")
    file = download_weights(known.url, known.sha256) if known else Path(request.weights)
    weights = read_weights(network, file)
    if any(weights.sha256.startswith(published.sha256) for published in PUBLISHED.values()):
        weights = replace(weights, pretraining="imagenet-1k")
    pooled = Pooled(network, partial(network, layer=request.layer), request.pooling).eval()
    return Extractor(pooled, weights, find_preparation(weights.sha256))


def find_preparation(sha256: str) -> Preparation:
    """Return the preprocessing for the weights of this sha256; for unknown weights, torchvision's first."""
    known = {weights.sha256: weights.preparation for weights in PUBLISHED.values()}
    return known.get(sha256[:8], Preparation())


BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 23, "layer4": 3}
EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut around them.

    The 3x3 one has the stride, as in torchvision; in the paper the first 1x1 one does.
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, EXPANSION * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(EXPANSION * width)
        self.downsample = None
        if stride != 1 or width_in != EXPANSION * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(width_in, EXPANSION * width, 1, stride=stride, bias=False),
                nn.BatchNorm2d(EXPANSION * width),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, width_in, h, w)`` to ``(B, 4 width, h / stride, w / stride)``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        return functional.relu(self.bn3(self.conv3(y)).add_(shortcut), inplace=True)


class ResNet101(nn.Module):
    """Maps images to the activations of a layer. ``fc`` exists only because the files of weights have it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        width_in, width = 64, 64
        for name, blocks in BLOCKS.items():
            stack = nn.Sequential()
            for block in range(blocks):
                stack.append(Bottleneck(width_in, width, 2 if name != "layer1" and block == 0 else 1))
                width_in = EXPANSION * width
            self.add_module(name, stack)
            width *= 2
        self.fc = nn.Linear(width_in, 1000)

    def forward(self, images: Tensor, layer: str = "layer4") -> Tensor:
        """Map ``(B, 3, h, w)`` to ``(B, C, h', w')``, the activations after ``layer``."""
        x = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        x = functional.max_pool2d(x, 3, stride=2, padding=1)
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
            if name == layer:
                break
        return x
