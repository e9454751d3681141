from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.extraction.preparing import normalized, views
from gzslbench.extractor import Preparation

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("size", "rounding", "box"),
    [
        ((20, 11), "down", (4, 1)),  # 18 x 10: places 5 and 1, less the odd
        ((11, 20), "nearest", (1, 5)),
        ((10, 10), "down", (1, 1)),
        ((1, 1), "down", (1, 1)),
        ((13, 10), "nearest", (2, 1)),
    ],
)
def test_the_centre_is_cut_out_of_the_resized_picture(size, rounding, box):
    width, height = size
    picture = Image.fromarray(RANDOM.integers(256, size=(height, width, 3), dtype=np.uint8))
    preparation = Preparation(short_side=10, crop=8, rounding=rounding, interpolation="bicubic")
    (found,) = normalized(views(picture, preparation), preparation)
    assert found.shape == (3, 8, 8) and found.dtype == torch.float32
    scale = 10 / min(size)
    whole = [round(side * scale) if rounding == "nearest" else int(side * scale) for side in size]
    resized = np.asarray(picture.resize(whole, Image.Resampling.BICUBIC), np.float32) / 255
    left, top = ((side - 8) // 2 if rounding == "nearest" else round((side - 8) / 2) for side in whole)
    for c, (mean, std) in enumerate(zip(preparation.mean, preparation.std, strict=True)):
        expected = (resized[top : top + 8, left : left + 8, c] - mean) / std
        assert np.allclose(found[c].numpy(), expected, atol=1e-6)


def test_ten_crops_are_the_middle_and_the_corners_each_with_its_mirror_image():
    picture = Image.fromarray(RANDOM.integers(256, size=(10, 14, 3), dtype=np.uint8))
    found = views(picture, Preparation(short_side=10, crop=8, crops="ten"))
    pixels = np.asarray(picture).transpose(2, 0, 1)
    places = [(1, 3), (0, 0), (0, 6), (2, 0), (2, 6)]
    expected = [pixels[:, top : top + 8, left : left + 8] for top, left in places]
    assert found.shape == (10, 3, 8, 8)
    for view, mirrored, crop in zip(found[::2], found[1::2], expected, strict=True):
        assert np.array_equal(view.numpy(), crop) and np.array_equal(mirrored.numpy(), crop[:, :, ::-1])


def test_ten_crops_are_torchvisions():
    try:
        from torchvision.transforms.functional import resize, ten_crop
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not import: {error}")
    picture = Image.fromarray(RANDOM.integers(256, size=(40, 51, 3), dtype=np.uint8))
    found = views(picture, Preparation(short_side=20, crop=16, crops="ten"))
    theirs = {np.asarray(each).transpose(2, 0, 1).tobytes() for each in ten_crop(resize(picture, 20), 16)}
    assert {view.numpy().tobytes() for view in found} == theirs


def test_the_whole_picture_is_squeezed_into_the_square():
    picture = Image.new("RGB", (40, 10), "black")
    picture.paste("white", (20, 0, 40, 10))
    (found,) = views(picture, Preparation(short_side=5, crop=8, crops="whole"))
    assert found.shape == (3, 8, 8) and (found[:, :, :3] == 0).all() and (found[:, :, 5:] == 255).all()
