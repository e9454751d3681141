"""What a feature extractor is: a network that turns photographs into features, and how it wants them.

Nothing here imports torch when it is imported, so listing extractors stays quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from gzslbench.citation import year_of

if TYPE_CHECKING:
    from torch import nn

Interpolation = Literal["bilinear", "bicubic"]
Rounding = Literal["down", "nearest"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preparation:
    """How a photograph becomes the network's input.

    Attributes:
        short_side: Pixels that the shorter side is resized to, the other in proportion.
        crop: Side of the square cut from the centre, in pixels.
        interpolation: Of the resizing, which averages over what it makes smaller.
        rounding: Of the longer side to a whole pixel: ``down`` as torchvision does it, with the crop's place
            at the nearest even, or ``nearest`` with the crop's place down. One pixel changes features by a
            tenth.
        mean: Subtracted from red, green and blue, which are from 0 to 1.
        std: What they are divided by then.
    """

    short_side: int = 256
    crop: int = 224
    interpolation: Interpolation = "bilinear"
    rounding: Rounding = "down"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class ExtractorSpec:
    """What ``gzslbench extractors`` shows of an extractor and how to load it.

    Attributes:
        name: What ``--extractor`` takes, in lower case with hyphens.
        title: The network's name as its paper writes it.
        paper: Authors, title, venue and year.
        url: Where the paper is.
        load: ``package.module:function``, a ``Load``, imported when features are extracted.
        width: Features of one photograph.
        weights: Where its weights come from, and how to get them.
        preparation: How the network wants its photographs.
        version: Raise it when the same photographs give other features than before.
    """

    name: str
    title: str
    paper: str
    url: str
    load: str
    width: int
    weights: str
    preparation: Preparation = Preparation()
    version: int = 1

    @property
    def year(self) -> int | None:
        """When its paper appeared."""
        return year_of(self.paper)


@dataclass(frozen=True)
class Extractor:
    """A network with its weights.

    Attributes:
        network: In evaluation mode on the CPU; ``(B, 3, h, w)`` photographs to ``(B, width)`` features.
        weights: The file that its weights were read from.
    """

    network: nn.Module
    weights: Path


class Load(Protocol):
    """Makes an extractor."""

    def __call__(self, weights: Path | None) -> Extractor:
        """The network with the weights of this file; None takes its own, where it has some.

        Raises:
            ExtractionError: There are no such weights, they are of another network, or a package is missing.
        """
        ...
