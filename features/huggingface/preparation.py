"""How a model of transformers wants its photographs, from its image processor."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, NoReturn

import numpy as np
from PIL import Image

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Crops, Interpolation, Preparation
from gzslbench.prepare.extract.preparing import normalized, views

# Pillow's numbers, which preprocessor_config.json holds.
INTERPOLATIONS: dict[int, Interpolation] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
CONVNEXT = "ConvNextImageProcessor"
SQUEEZED_FROM = 384  # where ConvNeXt's processor stops to crop
GREY_LEVEL = 1 / 255


def preparation_of(processor: Any, where: str) -> Preparation:
    """What ``processor`` does, tried on pictures of odd sizes.

    Raises:
        ExtractionError: It does something else than a ``Preparation`` can say.
    """
    preparation = in_our_words(processor.to_dict(), where)
    if not _agree(processor, preparation):
        _refuse(f"{type(processor).__name__} makes other pixels than its settings tell", where)
    return preparation


def in_our_words(settings: Mapping[str, Any], where: str) -> Preparation:
    """The settings of a preprocessor_config.json, whole, as a ``Preparation``.

    Raises:
        ExtractionError: One of them has a value that a ``Preparation`` cannot say.
    """
    for name, wanted in (("do_resize", True), ("do_rescale", True), ("do_pad", False)):
        if bool(settings.get(name, wanted)) is not wanted:
            _refuse(f"{name} is {settings[name]}", where)
    factor = settings.get("rescale_factor", 1 / 255)
    if abs(factor * 255 - 1) > 1e-6:
        _refuse(f"rescale_factor is {factor}, not 1/255", where)
    interpolation = INTERPOLATIONS.get(int(settings.get("resample") or 0))
    if interpolation is None:
        _refuse(f"resample is {settings.get('resample')}, none of {INTERPOLATIONS}", where)
    sizes = _convnext if str(settings.get("image_processor_type")).startswith(CONVNEXT) else _sizes
    mean, std = (0.0,) * 3, (1.0,) * 3
    if settings.get("do_normalize", True):
        mean, std = (_colours(settings, name, where) for name in ("image_mean", "image_std"))
    return Preparation(*sizes(settings, where), interpolation, "floor", mean, std)


def _sizes(settings: Mapping[str, Any], where: str) -> tuple[int, int, Crops]:
    size = _lengths(settings.get("size"))
    side = _side(settings.get("crop_size"), "crop_size", where) if settings.get("do_center_crop") else None
    if set(size) == {"shortest_edge"}:
        if side is None:
            _refuse("photographs keep their proportions: do_center_crop is false", where)
        short, crops = size["shortest_edge"], "centre"
    else:
        short = _side(size, "size", where)
        side = short if side is None else side
        crops = "whole" if side == short else "squeezed"
    if side > short:
        _refuse(f"crop_size {side} is larger than size {short}", where)
    return short, side, crops


def _convnext(settings: Mapping[str, Any], where: str) -> tuple[int, int, Crops]:
    """ConvNeXt's processor crops what it resized to more, and squeezes from 384 pixels on."""
    size = _lengths(settings.get("size"))
    if set(size) != {"shortest_edge"} or settings.get("do_center_crop"):
        _refuse(f"size is {size}, do_center_crop {settings.get('do_center_crop')}", where)
    side = size["shortest_edge"]
    if side >= SQUEEZED_FROM:
        return side, side, "whole"
    return int(side / (settings.get("crop_pct") or 224 / 256)), side, "centre"


def _lengths(size: Any) -> dict[str, int]:
    return {name: int(value) for name, value in dict(size or {}).items() if value is not None}


def _side(size: Any, name: str, where: str) -> int:
    lengths = _lengths(size)
    if set(lengths) != {"height", "width"} or lengths["height"] != lengths["width"]:
        _refuse(f"{name} is {lengths}, no square", where)
    return lengths["height"]


def _colours(settings: Mapping[str, Any], name: str, where: str) -> tuple[float, float, float]:
    values = tuple(map(float, settings.get(name) or ()))
    if len(values) != 3:
        _refuse(f"{name} is {values}, not of three colours", where)
    return values[0], values[1], values[2]


def _agree(processor: Any, preparation: Preparation) -> bool:
    """Whether both make the same pixels of noise, to the grey level at which readers of tensors round."""
    random, short = np.random.default_rng(0), preparation.short_side
    std = np.reshape(preparation.std, (3, 1, 1))
    for width, height in product((short * 2 // 3 + 1, short + 5), repeat=2):
        picture = Image.fromarray(random.integers(256, size=(height, width + 3, 3), dtype=np.uint8))
        theirs = np.asarray(processor(images=picture, return_tensors="pt")["pixel_values"])
        ours = normalized(views(picture, preparation), preparation).numpy()
        if theirs.shape != ours.shape or (np.abs(theirs - ours) * std).max() > 1.01 * GREY_LEVEL:
            return False
    return True


def _refuse(why: str, where: str) -> NoReturn:
    raise ExtractionError(
        f"the model prepares its photographs as we cannot: {why}",
        where=where,
        fix="name another model; or download it into a folder, change that in the folder's"
        " preprocessor_config.json, and write hf:FOLDER",
    )
