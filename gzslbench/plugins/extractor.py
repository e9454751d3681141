"""What a feature extractor is: a network that turns photographs into features, and how it wants them.

Nothing here imports torch when it is imported, so listing extractors stays quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from gzslbench.plugins.spec import Published

if TYPE_CHECKING:
    from torch import nn

Interpolation = Literal["bilinear", "bicubic", "lanczos"]
Rounding = Literal["down", "nearest", "floor"]
Crops = Literal["centre", "whole", "ten", "squeezed"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preparation:
    """How a photograph becomes the network's input.

    Attributes:
        short_side: Pixels that the shorter side is resized to, the other in proportion.
        crop: Side of the square that the network sees, in pixels.
        crops: ``centre`` cuts it out of the middle; ``ten`` out of the middle and the four corners, of the
            mirrored photograph too, and means their features (Krizhevsky et al., NeurIPS 2012); ``whole``
            squeezes the whole photograph into it; ``squeezed`` squeezes the whole into a square of side
            ``short_side`` and cuts it out of the middle.
        interpolation: Of the resizing, which averages over what it makes smaller.
        rounding: Of the longer side to a whole pixel: ``down`` as torchvision does it, with the crop's place
            at the nearest even, ``nearest`` with the crop's place down, or ``floor`` with both down, as
            transformers does it. One pixel changes features by a tenth.
        mean: Subtracted from red, green and blue, which are from 0 to 1.
        std: What they are divided by then.
    """

    short_side: int = 256
    crop: int = 224
    crops: Crops = "centre"
    interpolation: Interpolation = "bilinear"
    rounding: Rounding = "down"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class ExtractorSpec(Published):
    """What ``gzslbench extractors`` shows of an extractor and how to load it.

    Attributes:
        name: What ``--extractor`` takes, in lower case with hyphens.
        title: The network's name as its paper writes it.
        paper: Authors, title, venue and year.
        url: Where the paper is.
        load: ``package.module:function``, a ``Load``, imported when features are extracted.
        weights: Where its weights come from, and how to get them.
        width: Features of one photograph, from its usual layer; None where the model decides.
        layers: What ``--layer`` takes, the usual one first; empty where the model decides.
        poolings: What ``--pooling`` takes, the usual one first.
        model: What stands after the colon in ``NAME:MODEL``, in words; empty for an extractor that is one
            model.
        preparation: How the network usually wants its photographs; None where the model decides.
        about: What ``--extractor``, ``--layer`` and ``--pooling`` mean, where the names alone do not tell.
        examples: What may follow ``--extractor`` on a command line.
        version: Raise it when the same photographs give other features than before.
    """

    name: str
    title: str
    paper: str
    url: str
    load: str
    weights: str
    width: int | None = None
    layers: tuple[str, ...] = ()
    poolings: tuple[str, ...] = ("mean", "max")
    model: str = ""
    preparation: Preparation | None = Preparation()
    about: str = ""
    examples: tuple[str, ...] = ()
    version: int = 1

    @property
    def pattern(self) -> str:
        """What ``--extractor`` takes, a model that must be named in capitals."""
        return f"{self.name}:{self.model}" if self.model else self.name


@dataclass(frozen=True)
class Request:
    """Which of an extractor's networks is asked for.

    Attributes:
        model: What stands after the colon in ``--extractor NAME:MODEL``; empty where nothing does.
        weights: A file, or a name that the extractor knows; None takes its own.
        layer: One of its layers.
        pooling: Of a layer's activations over all places: one of its poolings.
    """

    model: str = ""
    weights: str | None = None
    layer: str = ""
    pooling: str = ""


@dataclass(frozen=True)
class Weights:
    """What a network's weights were read from.

    Attributes:
        name: The file's name, or the model's where they come with it.
        sha256: Of the file, or of the weights themselves (``extraction.weights.sha256_of_network``).
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class Extractor:
    """A network with its weights.

    Attributes:
        network: In evaluation mode on the CPU; ``(B, 3, h, w)`` photographs to ``(B, width)`` features.
        weights: What they were read from.
        preparation: How the network wants its photographs with these weights.
        packages: The distributions besides torch that its arithmetic is in.
    """

    network: nn.Module
    weights: Weights
    preparation: Preparation
    packages: tuple[str, ...] = ()


class Load(Protocol):
    """Makes an extractor."""

    def __call__(self, request: Request) -> Extractor:
        """The network that is asked for.

        Raises:
            ExtractionError: There is no such model, layer or pooling, there are no such weights, they are of
                another network, or a package is missing.
        """
        ...
