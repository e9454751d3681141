"""Turn images into the network's input, and pool the network's activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from gzslbench.plugins.extractor import ImageTransform, Preparation

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda activations: activations.mean(dim=(2, 3)),
    "max": lambda activations: activations.amax(dim=(2, 3)),
}


def preprocess(image: Image.Image, preparation: Preparation | ImageTransform) -> Tensor:
    """Return the V views of an RGB image that the network sees; the features of the views are averaged.

    Returns:
        ``(V, 3, h, w)``: uint8 crops of a ``Preparation``, which ``normalize`` completes on the device, or
        the finished float32 input of an ``ImageTransform``.
    """
    if isinstance(preparation, ImageTransform):
        return preparation.transform(image)[None]
    pixels = np.stack([np.asarray(view) for view in _crop_views(image, preparation)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def normalize(pixels: Tensor, preparation: Preparation | ImageTransform) -> Tensor:
    """Scale ``(..., 3, h, w)`` uint8 to 0..1, subtract the mean, and divide by the standard deviation."""
    if isinstance(preparation, ImageTransform):
        return pixels
    mean, std = (_color_tensor(values, pixels.device) for values in (preparation.mean, preparation.std))
    return (pixels.float() / 255 - mean) / std


@cache  # A copy to the device for every batch would make the host wait for it.
def _color_tensor(values: tuple[float, float, float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).view(3, 1, 1)


def _crop_views(image: Image.Image, preparation: Preparation) -> Iterator[Image.Image]:
    crop, resampling = preparation.crop, _FILTERS[preparation.interpolation]
    if preparation.crops == "whole":
        yield image.resize((crop, crop), resampling)
        return
    resized = image.resize(_resized_size(image.size, preparation), resampling)
    mirrored = [ImageOps.mirror(resized)] if preparation.crops == "ten" else []
    for left, top in _crop_positions(resized.size, preparation):
        for source in (resized, *mirrored):
            yield source.crop((left, top, left + crop, top + crop))


def _crop_positions(size: tuple[int, int], preparation: Preparation) -> Iterator[tuple[int, int]]:
    """Yield left and upper edges of the crops: the center, then the corners."""
    free = [side - preparation.crop for side in size]
    # torchvision rounds half a pixel to the nearest even number, others round down.
    left, top = (round(room / 2) if preparation.rounding == "down" else room // 2 for room in free)
    yield left, top
    if preparation.crops == "ten":
        yield from ((left, top) for top in (0, free[1]) for left in (0, free[0]))


def _resized_size(size: tuple[int, int], preparation: Preparation) -> tuple[int, int]:
    to_pixels = round if preparation.rounding == "nearest" else int
    width, height = size
    short = preparation.short_side
    if width <= height:
        return short, to_pixels(short * height / width)
    return to_pixels(short * width / height), short


class Pooled(nn.Module):
    """A network whose activations are pooled over all places."""

    def __init__(self, network: nn.Module, activations: Callable[[Tensor], Tensor], pooling: str) -> None:
        """Pool the result of ``activations``, a function that runs a part of ``network``.

        Args:
            network: The module that has the weights.
            activations: ``(B, 3, h, w)`` to ``(B, C, h', w')``.
            pooling: A key of ``POOLINGS``.
        """
        super().__init__()
        self.network = network
        self.activations = activations
        self.pool = POOLINGS[pooling]

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, h, w)`` to ``(B, C)``."""
        return self.pool(self.activations(images))
