"""From a picture to what a network sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gzslbench.plugins.extractor import Preparation

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
VIEWS = {"centre": 1, "whole": 1, "ten": 10, "squeezed": 1}


def views(picture: Image.Image, preparation: Preparation) -> Tensor:
    """``(V, 3, crop, crop)`` uint8: the crops of an RGB picture, V of them as in ``VIEWS``."""
    pixels = np.stack([np.asarray(view) for view in _views(picture, preparation)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def normalized(pixels: Tensor, preparation: Preparation) -> Tensor:
    """``(..., 3, h, w)`` uint8 as float32 from 0 to 1, less the mean, over the deviation."""
    mean, std = (_colours(values, pixels.device) for values in (preparation.mean, preparation.std))
    return (pixels.float() / 255 - mean) / std


@cache
def _colours(values: tuple[float, float, float], device: torch.device) -> Tensor:
    """A number for each colour, brought to the device once: each time would make the host wait for it."""
    return torch.tensor(values, device=device).view(3, 1, 1)


def _views(picture: Image.Image, preparation: Preparation) -> Iterator[Image.Image]:
    crop, resampling = preparation.crop, _FILTERS[preparation.interpolation]
    if preparation.crops == "whole":
        yield picture.resize((crop, crop), resampling)
        return
    resized = picture.resize(_resized(picture.size, preparation), resampling)
    mirrored = [ImageOps.mirror(resized)] if preparation.crops == "ten" else []
    for left, top in _places(resized.size, preparation):
        for each in (resized, *mirrored):
            yield each.crop((left, top, left + crop, top + crop))


def _places(size: tuple[int, int], preparation: Preparation) -> Iterator[tuple[int, int]]:
    """Left and upper edges of the crops: the middle, then the corners."""
    free = [side - preparation.crop for side in size]
    even = preparation.rounding == "down"
    left, top = (round(room / 2) if even else room // 2 for room in free)
    yield left, top
    if preparation.crops == "ten":
        yield from ((left, top) for top in (0, free[1]) for left in (0, free[0]))


def _resized(size: tuple[int, int], preparation: Preparation) -> tuple[int, int]:
    """Width and height with the shorter one as asked for, or both."""
    whole = round if preparation.rounding == "nearest" else int
    width, height = size
    short = preparation.short_side
    if preparation.crops == "squeezed":
        return short, short
    if width <= height:
        return short, whole(short * height / width)
    return whole(short * width / height), short
