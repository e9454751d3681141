"""The matrix products of one evaluation of CE-GZSL, as published and as this toolkit does them."""

from __future__ import annotations

import math

from gzslbench_benchmarks.speed.products.product import Product
from gzslbench_benchmarks.speed.shapes import Shape

OUR_CHUNK = 8192
"""Rows that the evaluator synthesizes, embeds and scores at once."""


def published_evaluation_products(shape: Shape) -> list[Product]:
    """Rows embedded whenever the head reads them; the projection z, which nothing reads, is left out."""
    d, e, k = shape.features, shape.embedding, shape.candidates
    batch = _batch(shape)
    tested = _blocks(shape.test_seen, batch) + _blocks(shape.test_unseen, batch)
    epoch = _steps(shape) * [(batch, d, e), (batch, e, k), (k, batch, e)]
    epoch += [product for rows in tested for product in ((rows, d, e), (rows, e, k))]
    return _synthesis(shape, 1) + epoch * shape.head_epochs


def our_evaluation_products(shape: Shape) -> list[Product]:
    """Every row embedded once."""
    d, e, k, batch = shape.features, shape.embedding, shape.candidates, _batch(shape)
    tested = _blocks(shape.test_seen + shape.test_unseen, OUR_CHUNK)
    embedded = [(rows, d, e) for rows in _blocks(_fitted(shape), OUR_CHUNK) + tested]
    epoch = _steps(shape) * [(batch, e, k), (k, batch, e)] + [(rows, e, k) for rows in tested]
    return _synthesis(shape, OUR_CHUNK) + embedded + epoch * shape.head_epochs


def _synthesis(shape: Shape, at_once: int) -> list[Product]:
    g, classes = shape.generator, max(1, at_once // shape.syn_num)
    rows = [count * shape.syn_num for count in _blocks(shape.unseen, classes)]
    return [product for count in rows for product in ((count, shape.noise, g), (count, g, shape.features))]


def _fitted(shape: Shape) -> int:
    return shape.rows + shape.unseen * shape.syn_num


def _batch(shape: Shape) -> int:
    return min(shape.syn_num, _fitted(shape))


def _steps(shape: Shape) -> int:
    return math.ceil(_fitted(shape) / _batch(shape))


def _blocks(rows: int, size: int) -> list[int]:
    whole, rest = divmod(rows, size)
    return [size] * whole + [rest] * (rest > 0)
