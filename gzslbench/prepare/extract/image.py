"""Read an image from its file, and turn it into the network's input."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from gzslbench.errors import ExtractionError
from gzslbench.files import check_file
from gzslbench.plugins.extractor import ImageTransform, Preparation

MAX_PIXELS = 200_000_000
"""A larger image is more likely an attack on the reader than the picture of a camera."""
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn an image upright, by its EXIF orientation."""
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_FIX = "replace it with an undamaged copy"

Box = tuple[int, int, int, int]


def read_image(file: Path, box: Box | None = None) -> Image.Image:
    """Read an upright RGB image of 8 bits per color; transparent places become white.

    ``box`` is the left, upper, right and lower edge of the part to cut out, in pixels from 0; right and
    lower are exclusive.
    """
    check_file(file, ExtractionError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF data, which change no pixel
            with Image.open(file) as opened:
                width, height = opened.size
                if width * height > MAX_PIXELS:
                    what = f"{width} x {height} pixels, more than {MAX_PIXELS}"
                    raise ExtractionError(what, where=file, fix="make the image smaller")
                opened.load()
                image = _to_rgb(_turn_upright(opened))
    except UnidentifiedImageError as error:
        raise ExtractionError("this is not an image that can be read", where=file, fix=_FIX) from error
    except ExtractionError:
        raise
    except Image.DecompressionBombError as error:
        raise ExtractionError(f"{error}", where=file, fix="make the image smaller") from error
    except Exception as error:  # Every reader of Pillow raises its own errors when a file is damaged.
        raise ExtractionError(f"the image is damaged: {error}", where=file, fix=_FIX) from error
    return image if box is None else _cut_out(image, box, file)


def _turn_upright(image: Image.Image) -> Image.Image:
    # ImageOps.exif_transpose would parse and rewrite all EXIF data, and fail if some are damaged.
    try:
        method = _TRANSPOSITIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged EXIF data change no pixel.
        return image
    return image if method is None else image.transpose(method)


def _cut_out(image: Image.Image, box: Box, file: Path) -> Image.Image:
    left, upper, right, lower = box
    inside = (max(left, 0), max(upper, 0), min(right, image.width), min(lower, image.height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        what = f"the box {box} is outside of the image, {image.width} x {image.height}"
        raise ExtractionError(what, where=file, fix="check that the index files fit the images")
    return image.crop(inside)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        values = np.asarray(image, dtype=np.int64) // 257
        return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def preprocess(image: Image.Image, preparation: Preparation | ImageTransform) -> Tensor:
    """Return the V views of an RGB image that the network sees; the features of the views are averaged.

    Returns:
        ``(V, 3, h, w)``: uint8 crops of a ``Preparation``, which ``normalize`` completes on the device, or
        the finished float32 input of an ``ImageTransform``.
    """
    if isinstance(preparation, ImageTransform):
        with redirect_stdout(sys.stderr):
            found: object = preparation.transform(image)
        if not (isinstance(found, Tensor) and found.dtype == torch.float32 and found.shape[:-2] == (3,)):
            kind = (found.dtype, tuple(found.shape)) if isinstance(found, Tensor) else type(found)
            raise ExtractionError(f"its transform gives {kind}", fix="give (3, h, w) float32")
        return found[None]
    pixels = np.stack([np.asarray(view) for view in _crop_views(image, preparation)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def normalize(pixels: Tensor, preparation: Preparation | ImageTransform) -> Tensor:
    """Scale ``(..., 3, h, w)`` uint8 to 0..1, subtract the mean, and divide by the standard deviation."""
    if isinstance(preparation, ImageTransform):
        return pixels
    mean, std = (
        _color_tensor(tuple(values), pixels.device) for values in (preparation.mean, preparation.std)
    )
    return (pixels.float() / 255 - mean) / std


@cache  # A copy to the device for every batch would make the host wait for it.
def _color_tensor(values: tuple[float, float, float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).view(3, 1, 1)


def _crop_views(image: Image.Image, preparation: Preparation) -> Iterator[Image.Image]:
    crop, resampling = preparation.crop, _FILTERS[preparation.interpolation]
    if preparation.crops == "whole":
        yield image.resize((crop, crop), resampling)
        return
    to_pixels = round if preparation.rounding == "nearest" else int
    short, (width, height) = preparation.short_side, image.size
    if width <= height:
        size = short, to_pixels(short * height / width)
    else:
        size = to_pixels(short * width / height), short
    if size[0] * size[1] > MAX_PIXELS:
        what = f"an image of {width} x {height} pixels becomes {size[0]} x {size[1]}"
        raise ExtractionError(what, fix="leave it out, or crop it: it is too long for its width")
    resized = image.resize(size, resampling)
    free = [side - crop for side in size]
    # torchvision rounds half a pixel to the nearest even number, others round down.
    positions = [tuple(round(room / 2) if preparation.rounding == "down" else room // 2 for room in free)]
    sources = [resized]
    if preparation.crops == "ten":
        positions += [(left, top) for top in (0, free[1]) for left in (0, free[0])]
        sources.append(ImageOps.mirror(resized))
    for left, top in positions:
        for source in sources:
            yield source.crop((left, top, left + crop, top + crop))
