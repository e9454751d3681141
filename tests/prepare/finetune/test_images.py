"""Random changes of training images: their sizes, and that they depend on seed, epoch and row alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import ImageTransform, Preparation
from gzslbench.prepare.extract.listings import ImageList
from gzslbench.prepare.finetune.images import LARGEST_RATIO, SMALLEST_CROP, TrainingImages, crop_randomly


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32))
def test_a_random_crop_is_inside_and_has_the_promised_area_and_proportions(width, height, seed):
    positions = np.indices((height, width)).transpose(1, 2, 0)
    pixels = np.concatenate([positions % 256, positions[..., :1] // 256], axis=2).astype(np.uint8)
    found = np.asarray(crop_randomly(Image.fromarray(pixels), np.random.default_rng(seed)))
    tall, wide = found.shape[:2]
    top, left = int(found[0, 0, 0]) + 256 * int(found[0, 0, 2]), int(found[0, 0, 1])
    left += 256 * (not np.array_equal(pixels[top : top + tall, left : left + wide], found))
    assert np.array_equal(pixels[top : top + tall, left : left + wide], found)
    if min(width, height) >= 50:  # a pixel more or less says little
        assert tall * wide / (width * height) >= 0.95 * SMALLEST_CROP
        ratio = (wide / width) / (tall / height)
        assert 0.95 / LARGEST_RATIO <= ratio <= 1.05 * LARGEST_RATIO


SMALL = Preparation(short_side=20, crop=16)


@pytest.fixture
def reader(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, size=(30, 40, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photo.png")
    listed = ImageList(("photo.png",), np.zeros(1, np.int64))

    def make(augment="crop", seed=0, preparation=SMALL):
        return lambda epoch=None: TrainingImages(preparation, listed, tmp_path, augment, seed, epoch)[0][0]

    return make


def test_changes_depend_on_seed_and_epoch_alone(reader):
    first = reader()(1)
    assert torch.equal(first, reader()(1)) and first.shape == (3, 16, 16)
    assert not torch.equal(first, reader()(2))
    assert not torch.equal(first, reader(seed=1)(1))


def test_flips_are_mirror_images_of_the_extracted_view_and_as_frequent(reader):
    plain = reader("flip")()
    found = [reader("flip")(epoch) for epoch in range(60)]
    mirrored = [torch.equal(view, plain.flip(2)) for view in found]
    assert all(flipped or torch.equal(view, plain) for view, flipped in zip(found, mirrored, strict=True))
    assert 15 < sum(mirrored) < 45
    assert torch.equal(reader("none")(3), plain)


def test_an_image_that_is_too_long_for_its_width_is_named(tmp_path):
    Image.new("RGB", (1, 30_000)).save(tmp_path / "line.png")
    listed = ImageList(("line.png",), np.zeros(1, np.int64))
    wide = Preparation(short_side=256, crop=224)
    with pytest.raises(ExtractionError, match="becomes 256 x") as error:
        TrainingImages(wide, listed, tmp_path, "none", 0, 1)[0]
    assert error.value.where == "line.png"


def average_color(image):
    return torch.from_numpy(np.asarray(image, np.float32)).mean((0, 1)).view(3, 1, 1)


def test_the_transform_of_another_library_sees_the_random_part(reader):
    own = ImageTransform(average_color, {})
    assert torch.equal(reader("none", preparation=own)(1), reader(preparation=own)())
    assert not torch.equal(reader(preparation=own)(1), reader(preparation=own)())
