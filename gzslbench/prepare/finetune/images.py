"""Read the images that train, and change them at random."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from gzslbench.computing.seeds import stream
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import ImageTransform, Preparation
from gzslbench.prepare.extract.image import preprocess, read_image
from gzslbench.prepare.extract.listings import ImageList

SMALLEST_CROP = 0.4
"""The smallest share of an image's area that a random crop keeps."""
LARGEST_RATIO = 4 / 3
"""The largest factor between the proportions of an image and those of a random crop."""


@dataclass(frozen=True)
class TrainingImages(Dataset[tuple[Tensor, int]]):
    """Images as the network's input ``(3, h, w)``, by row; without an ``epoch`` they are as extracted.

    In an epoch they are changed at random, which depends only on seed, epoch and row. ``crop`` cuts out a
    part (Szegedy et al., CVPR 2015) and mirrors every second image. The part replaces the crop of a
    ``Preparation``; the transform of another library follows it. ``flip`` only mirrors.
    """

    preparation: Preparation | ImageTransform
    image_list: ImageList
    folder: Path
    augment: str
    seed: int
    epoch: int | None = None

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        image = read_image(self.folder / self.image_list.files[row], self.image_list.box(row))
        preparation = self.preparation
        if self.epoch is not None and self.augment != "none":
            random = np.random.default_rng(stream(self.seed, "augment", self.epoch, row))
            if self.augment == "crop":
                image = crop_randomly(image, random)
                if isinstance(preparation, Preparation):
                    preparation = replace(preparation, crops="whole")
            image = ImageOps.mirror(image) if random.random() < 0.5 else image
        try:
            return preprocess(image, preparation)[0], row
        except ExtractionError as error:
            raise ExtractionError(error.what, where=self.image_list.files[row], fix=error.fix) from error


def crop_randomly(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Cut out SMALLEST_CROP to all of the area, with proportions that differ by up to LARGEST_RATIO."""
    area = random.uniform(SMALLEST_CROP, 1)
    ratio = math.exp(random.uniform(-1, 1) * math.log(LARGEST_RATIO))
    shares = (min(math.sqrt(area * ratio), 1), min(math.sqrt(area / ratio), 1))
    width, height = (max(1, round(share * side)) for share, side in zip(shares, image.size, strict=True))
    left, top = (int(random.integers(room + 1)) for room in (image.width - width, image.height - height))
    return image.crop((left, top, left + width, top + height))
