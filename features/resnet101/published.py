"""The weights that torchvision publishes: where they are, and what they expect.

Addresses, the sha256 that each file's name begins, and the resizing are torchvision's own
(torchvision.models.ResNet101_Weights).
"""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.extractor import Preparation


@dataclass(frozen=True)
class Published:
    """One file of weights.

    Attributes:
        url: Where it is.
        sha256: Its first eight digits.
        preparation: Of the photographs it was evaluated on.
    """

    url: str
    sha256: str
    preparation: Preparation


PUBLISHED = {
    "IMAGENET1K_V1": Published(
        "https://download.pytorch.org/models/resnet101-63fe2227.pth", "63fe2227", Preparation(short_side=256)
    ),
    "IMAGENET1K_V2": Published(
        "https://download.pytorch.org/models/resnet101-cd907fc2.pth", "cd907fc2", Preparation(short_side=232)
    ),
}


def preparation_of(sha256: str) -> Preparation:
    """What the weights of this sha256 expect; what torchvision's first ones do, where they are others."""
    known = {each.sha256: each.preparation for each in PUBLISHED.values()}
    return known.get(sha256[:8], Preparation())
