"""Extractors, the first sound and each other wrong in one way."""

from __future__ import annotations

import torch
from torch import nn

from gzslbench.plugins.extractor import Extractor, Preparation, Request, Weights

SMALL = Preparation(short_side=24, crop=16)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 4, 5, stride=3)

    def forward(self, images):
        return self.convolution(images).relu().mean(dim=(2, 3))


class Normalizing(Network):
    def forward(self, images):
        features = super().forward(images)
        return features - features.mean(0) + 1


class Dropping(Network):
    def forward(self, images):
        return nn.functional.dropout(super().forward(images))


class Unpooled(Network):
    def forward(self, images):
        return self.convolution(images)


class Blind(Network):
    def forward(self, images):
        return super().forward(0 * images) + 1


class Infinite(Network):
    def forward(self, images):
        return super().forward(images) / 0


def _loader(network, mode=False, weights=None, preparation=SMALL):
    def load(request: Request) -> Extractor:
        made = network().train(mode)
        return Extractor(made, weights or Weights("toy", "0" * 64), preparation)

    return load


Sound = _loader(Network)
Training = _loader(Network, mode=True)
Nameless = _loader(Network, weights=Weights("toy", "abc"))
Cropping = _loader(Network, preparation=Preparation(short_side=12, crop=16))
Mixing = _loader(Normalizing)
Random = _loader(Dropping)
Mapping = _loader(Unpooled)
Sightless = _loader(Blind)
Dividing = _loader(Infinite)
