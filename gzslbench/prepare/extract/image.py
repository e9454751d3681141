"""Read one image from its file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gzslbench.errors import ExtractionError
from gzslbench.files import check_file

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
_FIX = "replace it with an undamaged copy"

Box = tuple[int, int, int, int]


def read_image(file: Path, box: Box | None = None) -> Image.Image:
    """Read an upright RGB image of 8 bits per color; transparent places become white.

    Args:
        file: The image file.
        box: Left, upper, right and lower edge of the part to cut out, in pixels from 0; right and lower
            are exclusive. None takes the full image.

    Raises:
        ExtractionError: The file is missing, damaged, not an image or has too many pixels, or the box is
            outside of the image.
    """
    check_file(file, ExtractionError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_size checks the size
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF data, which change no pixel
            with Image.open(file) as opened:
                _check_size(opened, file)
                opened.load()
                image = _to_rgb(_turn_upright(opened))
    except UnidentifiedImageError as error:
        raise ExtractionError("this is not an image that can be read", where=file, fix=_FIX) from error
    except Image.DecompressionBombError as error:
        raise ExtractionError(f"the image is too large: {error}", where=file, fix=_FIX) from error
    except ExtractionError:
        raise
    except Exception as error:  # Every reader of Pillow raises its own errors when a file is damaged.
        raise ExtractionError(f"the image is damaged: {error}", where=file, fix=_FIX) from error
    return image if box is None else _cut_out(image, box, file)


def _turn_upright(image: Image.Image) -> Image.Image:
    # ImageOps.exif_transpose would parse and rewrite all EXIF data, and fail if some are damaged.
    try:
        method = _TRANSPOSITIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged EXIF data change no pixel: read the image as it is.
        return image
    return image if method is None else image.transpose(method)


def _cut_out(image: Image.Image, box: Box, file: Path) -> Image.Image:
    left, upper, right, lower = box
    inside = (max(left, 0), max(upper, 0), min(right, image.width), min(lower, image.height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ExtractionError(
            f"the box {box} is outside of the image, {image.width} x {image.height}",
            where=file,
            fix="check that the index files belong to these images",
        )
    return image.crop(inside)


def _check_size(image: Image.Image, file: Path) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ExtractionError(
            f"{width} x {height} pixels, more than {MAX_PIXELS}", where=file, fix="make the image smaller"
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        values = np.asarray(image, dtype=np.int64) // 257
        return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
