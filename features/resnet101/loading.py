"""ResNet-101 with torchvision's weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Extractor, Request
from gzslbench.prepare.extract.downloading import download
from gzslbench.prepare.extract.pooling import Pooled
from gzslbench.prepare.extract.weights import read_weights
from gzslbench_features.resnet101.network import ResNet101
from gzslbench_features.resnet101.published import PUBLISHED, preparation_of


def load(request: Request) -> Extractor:
    """The network with the weights of a file, or with those that torchvision's name stands for.

    Raises:
        ExtractionError: No weights are named, they cannot be downloaded or read, or are another network's.
    """
    if request.weights is None:
        raise ExtractionError(
            "resnet101 comes without weights",
            fix=f"name {' or '.join(PUBLISHED)}, or a file of torchvision's ResNet101_Weights, by --weights",
        )
    known = PUBLISHED.get(request.weights)
    if known is None and not Path(request.weights).is_file():
        raise ExtractionError(
            f"resnet101 knows no weights {request.weights!r}, and there is no such file",
            where="--weights",
            fix=did_you_mean(request.weights, list(PUBLISHED)),
        )
    network = ResNet101()
    weights = read_weights(network, download(known.url, known.sha256) if known else Path(request.weights))
    pooled = Pooled(network, partial(network, layer=request.layer), request.pooling).eval()
    return Extractor(pooled, weights, preparation_of(weights.sha256))
