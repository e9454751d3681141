"""Load ResNet-101 with torchvision's weights. torchvision itself is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Extractor, Preparation, Request
from gzslbench.prepare.extract.preprocess import Pooled
from gzslbench.prepare.extract.weights import download_weights, read_weights
from gzslbench_features.resnet101.network import ResNet101


@dataclass(frozen=True)
class PublishedWeights:
    """One file of weights.

    Attributes:
        url: Its address.
        sha256: The first eight digits of its sha256.
        preparation: The preprocessing of the images it was evaluated on.
    """

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
    """Load the network with the weights of a file, or with torchvision's weights of this name.

    Raises:
        ExtractionError: No weights are named, or they cannot be downloaded or read, or belong to another
            network.
    """
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
    network = ResNet101()
    file = download_weights(known.url, known.sha256) if known else Path(request.weights)
    weights = read_weights(network, file)
    pooled = Pooled(network, partial(network, layer=request.layer), request.pooling).eval()
    return Extractor(pooled, weights, find_preparation(weights.sha256))


def find_preparation(sha256: str) -> Preparation:
    """Return the preprocessing for the weights of this sha256; for unknown weights, torchvision's first."""
    known = {weights.sha256: weights.preparation for weights in PUBLISHED.values()}
    return known.get(sha256[:8], Preparation())
