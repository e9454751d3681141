"""ResNet-101 with torchvision's weights."""

from __future__ import annotations

from pathlib import Path

from gzslbench.errors import ExtractionError
from gzslbench.extraction.weights import read_weights
from gzslbench.extractor import Extractor
from gzslbench_features.resnet101.network import ResNet101


def load(weights: Path | None) -> Extractor:
    """The network with the weights of a file such as resnet101-63fe2227.pth (V1) or -cd907fc2.pth (V2).

    Raises:
        ExtractionError: No file is named, it cannot be read, or it is another network's.
    """
    if weights is None:
        raise ExtractionError(
            "resnet101 comes without weights",
            fix="name a file of torchvision's ResNet101_Weights, for example resnet101-63fe2227.pth",
        )
    network = ResNet101()
    read_weights(network, weights)
    return Extractor(network.eval(), weights)
