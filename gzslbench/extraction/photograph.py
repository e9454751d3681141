"""One photograph, from its file to a network's input."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from gzslbench.errors import ExtractionError
from gzslbench.extractor import Preparation
from gzslbench.reading import check_file

MOST_PIXELS = 200_000_000
"""Of a photograph that is read; a larger one is more likely an attack than a camera's."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def read_photograph(file: Path) -> Image.Image:
    """An RGB picture, upright; transparent places are white, grey and 16-bit ones are brought to eight bits.

    Raises:
        ExtractionError: The file is not there, is no picture, is cut off, or has too many pixels.
    """
    check_file(file, ExtractionError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is looked at below
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF data, which no pixel depends on
            with Image.open(file) as opened:
                _check_size(opened, file)
                return _as_rgb(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError as error:
        raise ExtractionError("no picture that can be read", where=file, fix=_REPLACE) from error
    except Image.DecompressionBombError as error:
        raise ExtractionError(f"too large a picture: {error}", where=file, fix=_REPLACE) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ExtractionError(f"a damaged picture: {error}", where=file, fix=_REPLACE) from error


_REPLACE = "replace it by a sound copy"


def prepared(picture: Image.Image, preparation: Preparation) -> Tensor:
    """``(3, crop, crop)`` float32 of a picture: its shorter side resized, its centre cut out, normalized."""
    crop = preparation.crop
    size = _resized(picture.size, preparation)
    resized = picture.resize(size, _FILTERS[preparation.interpolation])
    down = preparation.rounding == "nearest"
    left, top = ((side - crop) // 2 if down else round((side - crop) / 2) for side in size)
    cut = resized.crop((left, top, left + crop, top + crop))
    pixels = torch.from_numpy(np.array(cut, dtype=np.float32)).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preparation.mean, preparation.std))
    return (pixels - mean) / std


def _resized(size: tuple[int, int], preparation: Preparation) -> tuple[int, int]:
    """Width and height with the shorter one as asked for."""
    whole = int if preparation.rounding == "down" else round
    width, height = size
    short = preparation.short_side
    if width <= height:
        return short, whole(short * height / width)
    return whole(short * width / height), short


def _check_size(picture: Image.Image, file: Path) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise ExtractionError(
            f"{width} x {height} pixels, more than {MOST_PIXELS}", where=file, fix="make it smaller"
        )


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in _SIXTEEN_BITS:
        values = np.asarray(picture, dtype=np.int64) // 257
        return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
