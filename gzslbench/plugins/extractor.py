"""The contract of feature extractors: a network that turns images into features, and its preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from gzslbench.errors import PluginError
from gzslbench.plugins.spec import Published, wrong_fields

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

Interpolation = Literal["bilinear", "bicubic"]
Rounding = Literal["down", "nearest"]
Crops = Literal["centre", "whole", "ten"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preparation:
    """How an image becomes the network's input: resize, crop, normalize.

    Attributes:
        short_side: Pixels of the shorter side after resizing; the longer side keeps the proportions.
        crop: Side of the square that the network sees, in pixels.
        crops: ``centre`` cuts the square out of the middle. ``ten`` cuts it out of the middle and the four
            corners, also of the mirrored image, and averages their features (Krizhevsky et al., NeurIPS
            2012). ``whole`` resizes the image to the square, without keeping its proportions.
        interpolation: The filter that resizes, with antialiasing.
        rounding: How the longer side becomes a whole number of pixels: ``down`` as in torchvision, which
            rounds the position of the crop half to even, or ``nearest``, which rounds the position down. One
            pixel changes features by a tenth.
        mean: Subtracted from red, green and blue values between 0 and 1.
        std: What they are then divided by.
    """

    short_side: int = 256
    crop: int = 224
    crops: Crops = "centre"
    interpolation: Interpolation = "bilinear"
    rounding: Rounding = "down"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class ImageTransform:
    """The preprocessing of another library, which is called and not translated.

    Attributes:
        transform: Maps an RGB image to ``(3, h, w)`` float32, the same shape for every image. It is sent to
            worker processes, so it must pickle: a module-level function, class instance or ``partial``.
        settings: What decides the result, ready for JSON; it is stored with the features.
    """

    transform: Callable[[Image], Tensor]
    settings: Mapping[str, object]


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
        width: Features of one image, from its default layer; None if the model decides.
        layers: What ``--layer`` takes, the default first; empty if the model decides.
        poolings: What ``--pooling`` takes, the default first.
        model: The placeholder after the colon in ``NAME:MODEL``; empty for an extractor that is one model.
        preparation: Its default preprocessing; None if the model decides.
        about: What ``--extractor``, ``--layer`` and ``--pooling`` mean, if the names do not say it.
        examples: What may follow ``--extractor`` on a command line.
        pretraining: What its usual weights learned from, for people; the loaded ``Weights`` decide.
        version: Raise it when the same images give other features than before.
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
    pretraining: str = ""
    version: int = 1

    @property
    def pattern(self) -> str:
        """What ``--extractor`` takes, with the placeholder of a model that must be named."""
        return f"{self.name}:{self.model}" if self.model else self.name


@dataclass(frozen=True)
class Request:
    """Which of an extractor's networks to load.

    Attributes:
        model: The text after the colon in ``--extractor NAME:MODEL``, or empty.
        weights: A file, or a name that the extractor knows; None takes its own.
        layer: One of its layers.
        pooling: The pooling of a layer's activations over all places: one of its poolings.
    """

    model: str = ""
    weights: str | None = None
    layer: str = ""
    pooling: str = ""


@dataclass(frozen=True)
class Weights:
    """Which weights a network has, and what they learned from.

    Attributes:
        name: The file's name, or the model's if they come with it.
        sha256: Of the file, or of the weights (``gzslbench.prepare.extract.loading.hash_weights``).
        pretraining: ``imagenet-1k``, ``imagenet-22k``, ``web image-text``, ``self-supervised: DATA``,
            ``none`` or a name of your own; ``unknown`` if the extractor cannot know.
        finetuned: The rows on which they were trained further, such as ``trainval``; empty for none.
        finetuning: How `gzslbench finetune` trained them, ready for JSON; empty if it did not.
    """

    name: str
    sha256: str
    pretraining: str = "unknown"
    finetuned: str = ""
    finetuning: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Extractor:
    """A network with its weights.

    Attributes:
        network: In evaluation mode on the CPU; maps ``(B, 3, h, w)`` images to ``(B, width)`` features. One
            that has places also has ``with_places``, which maps images to these features and to the
            ``(B, d, h', w')`` activations of the places; ``--regions`` needs it.
        weights: Which weights it has.
        preparation: The preprocessing that fits these weights.
        packages: The distributions, apart from torch, that compute the features.
    """

    network: nn.Module
    weights: Weights
    preparation: Preparation | ImageTransform
    packages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the parts that are stored with the features, and the preparation, which reads the images."""
        problem = next(_problems(self.weights, self.preparation), None)
        if problem is not None:
            raise PluginError(problem, where="Extractor", fix="see gzslbench.plugins.Extractor")


def _problems(weights: Any, preparation: Any) -> Iterator[str]:
    if isinstance(preparation, Preparation):
        choices = {"crops": get_args(Crops), "interpolation": get_args(Interpolation)}
        choices["rounding"] = get_args(Rounding)
        yield from wrong_fields(preparation, "the preparation", short_side=1, crop=1, **choices)
        mean, std = preparation.mean, preparation.std
        if not (len(mean) == len(std) == 3 and min(std) > 0):
            yield f"the preparation has mean={mean!r:.80} and std={std!r:.80}, not three numbers each"
    elif not isinstance(preparation, ImageTransform):
        yield f"the preparation {preparation!r:.80} is not a Preparation or an ImageTransform"
    else:
        yield from _wrong_parts(preparation, "transform", transform=Callable, settings=Mapping)
    texts = dict.fromkeys(("name", "sha256", "pretraining", "finetuned"), str)
    yield from _wrong_parts(weights, "weights", **texts, finetuning=Mapping)


def _wrong_parts(of: Any, owner: str, **kinds: Any) -> Iterator[str]:
    for name, kind in kinds.items():
        if not isinstance(part := getattr(of, name, None), kind):
            yield f"the {owner} has {name}={part!r:.80}"


Load = Callable[[Request], Extractor]
"""Loads the requested network.

Raises ExtractionError if there is no such model, layer or pooling, if the weights are missing or belong to
another network, or if a package is missing.
"""
