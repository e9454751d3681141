"""Images, and the weights of networks that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gzslbench_benchmarks.torture.containers import mutate_torch
from gzslbench_benchmarks.torture.mutations import mutate_bytes
from gzslbench_benchmarks.torture.readers.reader import Reader

_KINDS = ("jpg", "png", "gif", "tif", "webp", "bmp")


def make_weights(folder: Path) -> None:
    """Write the weights of a tiny network, as torch, as safetensors, and fine-tuned."""
    from safetensors.torch import save_file

    from gzslbench.prepare.extract.finetuned import write_finetuned

    weights = {"weight": torch.zeros(2, 3), "bias": torch.ones(2)}
    torch.save(weights, folder / "weights.pt")
    save_file(weights, folder / "weights.safetensors")
    about = {
        **{"extractor": "tiny", "base": None, "base_weights": "base", "base_sha256": "0" * 64},
        **{"pretraining": "none", "finetuned": "trainval"},
    }
    write_finetuned(folder / "finetuned.pt", about, weights)


def make_images(folder: Path) -> None:
    """Write an image in several formats."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(256, size=(24, 32, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    for kind in _KINDS:
        image.save(folder / f"image.{kind}")


def _read_weights(file: Path) -> Any:
    from torch import nn

    from gzslbench.prepare.extract.loading import read_weights

    return read_weights(nn.Linear(3, 2), file)


def _read_finetuned(file: Path) -> Any:
    from torch import nn, zeros

    from gzslbench.plugins.extractor import Extractor, ImageTransform, Request, Weights
    from gzslbench.prepare.extract.finetuned import load_finetuned

    def load(request: Request) -> Extractor:
        return Extractor(nn.Linear(3, 2), Weights("base", "0" * 64), ImageTransform(lambda _: zeros(3), {}))

    return repr(load_finetuned(load, "tiny", Request(weights=str(file))))


def _read_image(file: Path) -> Any:
    from gzslbench.prepare.extract.image import read_image

    return np.asarray(read_image(file))


READERS = (
    Reader("weights-pt", make_weights, "weights.pt", mutate_torch, _read_weights),
    Reader("weights-safetensors", make_weights, "weights.safetensors", mutate_bytes, _read_weights),
    Reader("weights-finetuned", make_weights, "finetuned.pt", mutate_torch, _read_finetuned),
    *(Reader(f"image-{kind}", make_images, f"image.{kind}", mutate_bytes, _read_image) for kind in _KINDS),
)
