"""One photograph, from its file to a picture."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gzslbench.errors import ExtractionError
from gzslbench.files import check_file

MOST_PIXELS = 200_000_000
"""Of a photograph that is read; a larger one is more likely an attack than a camera's."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")


Box = tuple[int, int, int, int]


def read_photograph(file: Path, box: Box | None = None) -> Image.Image:
    """An RGB picture, upright; transparent places are white, grey and 16-bit ones are brought to eight bits.

    Args:
        file: Where it is.
        box: Left, upper, right and lower edge in pixels from 0 of what is cut out of it, the latter two
            beyond; None takes all of it.

    Raises:
        ExtractionError: The file is not there, is no picture, is cut off, or has too many pixels; or
            nothing of it lies in the box.
    """
    check_file(file, ExtractionError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is looked at below
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF data, which no pixel depends on
            with Image.open(file) as opened:
                _check_size(opened, file)
                opened.load()
                picture = _as_rgb(_upright(opened))
    except UnidentifiedImageError as error:
        raise ExtractionError("no picture that can be read", where=file, fix=_REPLACE) from error
    except Image.DecompressionBombError as error:
        raise ExtractionError(f"too large a picture: {error}", where=file, fix=_REPLACE) from error
    except ExtractionError:
        raise
    except Exception as error:  # each of Pillow's readers stumbles over damage in its own way
        raise ExtractionError(f"a damaged picture: {error}", where=file, fix=_REPLACE) from error
    return picture if box is None else _cut(picture, box, file)


_REPLACE = "replace it by a sound copy"


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation that EXIF tells, what brings the picture upright."""


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF data say; damaged ones say nothing, and no pixel depends on them."""
    try:
        turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # whatever Pillow's reader stumbles over
        return picture
    return picture if turn is None else picture.transpose(turn)


def _cut(picture: Image.Image, box: Box, file: Path) -> Image.Image:
    left, upper, right, lower = box
    inside = (max(left, 0), max(upper, 0), min(right, picture.width), min(lower, picture.height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ExtractionError(
            f"nothing of the picture, {picture.width} x {picture.height}, lies in its box {box}",
            where=file,
            fix="look whether the index files are of these very photographs",
        )
    return picture.crop(inside)


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
