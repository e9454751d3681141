"""Blocks of networks of several shapes, in the order in which an image passes them."""

from __future__ import annotations

import torch
from torch import nn

from gzslbench.prepare.finetune.blocks import find_blocks


class Tokens(nn.Module):
    """A small vision transformer: a wrapper, tokens of its own, a list of layers, a last normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Module()
        self.model.norm = nn.LayerNorm(8)  # defined before the layers that it follows
        self.model.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.model.embed = nn.Conv2d(3, 8, 4, stride=4)
        self.model.encoder = nn.Module()
        self.model.encoder.layer = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(3)
        )
        self.model.head = nn.Linear(8, 5)

    def forward(self, images):
        x = self.model.embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.model.token.expand(len(x), -1, -1), x], 1)
        for layer in self.model.encoder.layer:
            x = layer(x)
        return self.model.norm(x)[:, 0]


def test_a_transformer_has_a_block_for_each_layer():
    assert find_blocks(Tokens().eval(), torch.zeros(1, 3, 8, 8)) == [
        ["model.embed"],
        ["model.encoder.layer.0"],
        ["model.encoder.layer.1"],
        ["model.encoder.layer.2", "model.norm"],
    ]


def test_stages_of_a_residual_network_are_divided():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)),
        nn.Sequential(nn.Conv2d(4, 16, 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    found = find_blocks(network, torch.zeros(1, 3, 8, 8))
    assert found == [["0", "1"], ["2.0"], ["2.1"], ["3.0"]]
