"""TransZero's transformer: regions attend to regions, then attributes to attributes and to regions.

All attention has one head, all normalization follows the residual step. Dropout draws from the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch
from gzslbench_methods.layers import dropout, to_float32
from gzslbench_methods.regions import arrange
from gzslbench_methods.transzero import TransZeroParams

ENCODER_DROPOUT = 0.1
"""Share of the encoder's attention weights that the published program drops, at any setting of dropout."""
WAVES = 8
"""Sines, and as many cosines, of each of the four numbers that relate two regions."""


def drop(values: Tensor, rate: float, batch: Batch | None) -> Tensor:
    """Drop other values in each image, though ``(1, n, m)`` values may be the same in all of them."""
    if batch is None or rate == 0:
        return values
    return dropout(values.expand(len(batch), -1, -1), rate, batch)


class Attention(nn.Module):
    """Attention of one head. Its keys have no bias: that would change no weight of a softmax.

    A query meets a key as x_q Wqᵀ Wk x_p + bqᵀ Wk x_p, and what is read is Wo Wv x_p + Wo bv. So all products
    with weights are on the side of the places, of which an image has fewer than attributes.
    """

    def __init__(self, width: int, gain: float) -> None:
        """``gain`` scales the uniform start of queries, keys and values."""
        super().__init__()
        self.query, self.value, self.out = (nn.Linear(width, width) for _ in range(3))
        self.key = nn.Linear(width, width, bias=False)
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(layer.weight, gain)
        for layer in (self.query, self.value, self.out):
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        queries: Tensor,
        places: Tensor,
        rate: float,
        batch: Batch | None,
        lowered_by: Tensor | None = None,
    ) -> Tensor:
        """``(B, n, c)`` queries and ``(B, m, c)`` places to ``(B, n, c)``; B of either may be 1.

        ``lowered_by`` is ``(n, m)``, what is subtracted before the softmax over places.
        """
        keys = places @ (self.key.weight.t() @ self.query.weight)
        lifted = places @ (self.key.weight.t() @ self.query.bias)
        products = queries @ keys.transpose(1, 2) + lifted[:, None]
        products = to_float32(products) / math.sqrt(queries.shape[2])
        if lowered_by is not None:
            products = products - lowered_by
        weights = drop(products.softmax(dim=2), rate, batch)
        out = self.out.weight
        values = functional.linear(places, out @ self.value.weight, out @ self.value.bias)
        attended: Tensor = weights @ values
        return attended + self.out.bias.to(attended.dtype)


class TwoLayers(nn.Module):
    """The network of each place by itself, with its residual step and normalization."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, rate: float, batch: Batch | None) -> Tensor:
        """``(B, n, c)`` to the same shape."""
        hidden = drop(functional.relu(self.first(values)), rate, batch)
        normalized: Tensor = self.norm(values + drop(self.second(hidden), rate, batch))
        return normalized


class Encoder(nn.Module):
    """Regions attend to regions; where others lie lowers the attention."""

    def __init__(self, regions: int, params: TransZeroParams) -> None:
        super().__init__()
        self.params = params
        reference = params.variant == "reference"
        self.attention_dropout = ENCODER_DROPOUT if reference else params.dropout
        self.attention = Attention(params.width, gain=1.0)
        nn.init.xavier_uniform_(self.attention.out.weight)
        self.norm = nn.LayerNorm(params.width)
        self.second_norm = nn.LayerNorm(params.width) if reference else None
        self.layers = TwoLayers(params.width, params.hidden)
        self.geometry = nn.Linear(8 * WAVES, 1) if params.geometry else None
        self.places: Tensor
        waves = relate_places(*arrange(regions), unit="image" if reference else "region")
        self.register_buffer("places", waves, persistent=False)

    def forward(self, regions: Tensor, batch: Batch | None) -> Tensor:
        """``(B, R, c)`` to the same shape."""
        rate = self.params.dropout
        lowered_by = None
        if self.geometry is not None:
            lowered_by = to_float32(functional.relu(self.geometry(self.places).squeeze(2)))
        attended = self.attention(regions, regions, self.attention_dropout, batch, lowered_by)
        values: Tensor = self.norm(regions + drop(attended, rate, batch))
        if self.second_norm is not None:
            values = self.second_norm(regions + drop(values, rate, batch))
        encoded: Tensor = self.layers(values, rate, batch)
        return encoded


class Decoder(nn.Module):
    """Attributes attend to attributes, then to regions."""

    def __init__(self, params: TransZeroParams) -> None:
        super().__init__()
        self.rate = params.dropout
        # The start of torch.nn.MultiheadAttention, which draws queries, keys and values as one matrix.
        gain = 1 / math.sqrt(2)
        self.self_attention = Attention(params.width, gain) if params.self_attention else None
        self.self_norm = nn.LayerNorm(params.width) if params.self_attention else None
        self.attention = Attention(params.width, gain)
        self.norm = nn.LayerNorm(params.width)
        self.layers = TwoLayers(params.width, params.hidden)

    def forward(self, attributes: Tensor, regions: Tensor, batch: Batch | None) -> Tensor:
        """``(1, a, c)`` attributes and ``(B, R, c)`` regions to ``(B, a, c)``.

        Until dropout makes them differ, attributes are the same in all images and computed once.
        """
        if self.self_attention is not None and self.self_norm is not None:
            attended = self.self_attention(attributes, attributes, self.rate, batch)
            attributes = self.self_norm(attributes + drop(attended, self.rate, batch))
        attended = self.attention(attributes, regions, self.rate, batch)
        attributes = self.norm(attributes + drop(attended, self.rate, batch))
        decoded: Tensor = self.layers(attributes, self.rate, batch)
        return decoded


class AttributeTransformer(nn.Module):
    """Scores each attribute in an image.

    Attributes:
        vectors: ``(a, w)``, v_i of each attribute.
        to_score: ``(w, c)``, W: v_i W o_i is how much of attribute i is in an image where it has read o_i.
    """

    def __init__(self, vectors: Tensor, regions: int, features: int, params: TransZeroParams) -> None:
        super().__init__()
        self.unit_vectors = params.unit_vectors
        # Not `vectors` itself: the view's tensor is on the device already, and must not be trained.
        self.vectors = nn.Parameter(functional.normalize(vectors.detach().cpu(), dim=1))
        self.to_score = nn.Parameter(torch.randn(vectors.shape[1], params.width))
        self.embed_regions = nn.Linear(features, params.width)
        self.embed_attributes = nn.Linear(vectors.shape[1], params.width)
        self.encoder = Encoder(regions, params)
        self.decoder = Decoder(params)

    def forward(self, regions: Tensor, batch: Batch | None = None) -> Tensor:
        """``(B, R, d)`` regions to ``(B, a)`` scores of the attributes; no batch means no dropout."""
        vectors = functional.normalize(self.vectors, dim=1) if self.unit_vectors else self.vectors
        encoded = self.encoder(self.embed_regions(regions), batch)
        read = self.decoder(self.embed_attributes(vectors)[None], encoded, batch)
        return (to_float32(read) * to_float32(vectors @ self.to_score)).sum(dim=2)


def relate_places(rows: int, columns: int, unit: str) -> Tensor:
    """Return ``(R, R, 64)`` sines and cosines that say where each region lies from each other one.

    The image is 1 wide and 1 high. Between regions m and n, log max(|x_m - x_n| / w, 0.001) and the same
    of y, and two logarithms of their sizes' ratios, which are 0, are multiplied by 100 / 1000^(j/8).

    Args:
        rows: Of the grid; its cells are numbered row by row.
        columns: Of the grid.
        unit: ``region``: w is the width of a region, as that of a box in an image. ``image``: w is larger by
            1, as the published program has it, whose formula is one for boxes in pixels.
    """
    y, x = (torch.arange(rows * columns) // columns, torch.arange(rows * columns) % columns)
    distances = []
    for place, cells in ((x, columns), (y, rows)):
        size = 1 / cells + (1 if unit == "image" else 0)
        centre = (place + 0.5) / cells
        distances.append(((centre[:, None] - centre).abs() / size).clamp_min(1e-3).log())
    equal_sizes = torch.zeros_like(distances[0])
    numbers = 100 * torch.stack([*distances, equal_sizes, equal_sizes], dim=2)
    waves = numbers[..., None] / 1000 ** (torch.arange(WAVES) / WAVES)
    waves = waves.flatten(2)
    return torch.cat([waves.sin(), waves.cos()], dim=2)
