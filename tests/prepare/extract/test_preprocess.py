from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.plugins.extractor import Preparation
from gzslbench.prepare.extract.image import normalize, preprocess

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("size", "rounding", "box"),
    [
        ((20, 11), "down", (5, 1)),  # 18.2 x 10: 18
        ((19, 10), "down", (6, 1)),  # 19 x 10: 5.5 is 6 at the nearest even
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
    (found,) = normalize(preprocess(picture, preparation), preparation)
    assert found.shape == (3, 8, 8) and found.dtype == torch.float32
    scale = 10 / min(size)
    whole = [round(side * scale) if rounding == "nearest" else int(side * scale) for side in size]
    resized = np.asarray(picture.resize(whole, Image.Resampling.BICUBIC), np.float32) / 255
    left, top = (round((side - 8) / 2) if rounding == "down" else (side - 8) // 2 for side in whole)
    assert (left, top) == box
    for c, (mean, std) in enumerate(zip(preparation.mean, preparation.std, strict=True)):
        expected = (resized[top : top + 8, left : left + 8, c] - mean) / std
        assert np.allclose(found[c].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("width", [14, 15])  # of 15, the middle of the mirror image is not the middle's
def test_ten_crops_are_the_middle_and_the_corners_of_the_picture_and_of_its_mirror_image(width):
    picture = Image.fromarray(RANDOM.integers(256, size=(10, width, 3), dtype=np.uint8))
    found = preprocess(picture, Preparation(short_side=10, crop=8, crops="ten"))
    places = [(1, {14: 3, 15: 4}[width]), (0, 0), (0, width - 8), (2, 0), (2, width - 8)]
    assert found.shape == (10, 3, 8, 8)
    pixels = np.asarray(picture).transpose(2, 0, 1)
    for side, crops in ((pixels, found[::2]), (pixels[:, :, ::-1], found[1::2])):
        for (top, left), crop in zip(places, crops, strict=True):
            assert np.array_equal(crop.numpy(), side[:, top : top + 8, left : left + 8])


def test_ten_crops_are_torchvisions():
    try:
        from torchvision.transforms.functional import resize, ten_crop
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not import: {error}")
    picture = Image.fromarray(RANDOM.integers(256, size=(40, 51, 3), dtype=np.uint8))
    found = preprocess(picture, Preparation(short_side=20, crop=16, crops="ten"))
    theirs = {np.asarray(each).transpose(2, 0, 1).tobytes() for each in ten_crop(resize(picture, 20), 16)}
    assert {view.numpy().tobytes() for view in found} == theirs


def test_the_whole_image_is_resized_to_the_square():
    picture = Image.new("RGB", (40, 10), "black")
    picture.paste("white", (20, 0, 40, 10))
    (found,) = preprocess(picture, Preparation(short_side=5, crop=8, crops="whole"))
    assert found.shape == (3, 8, 8) and (found[:, :, :3] == 0).all() and (found[:, :, 5:] == 255).all()
