"""The matrix products of one f-CLSWGAN epoch, as published and as this toolkit does them."""

from __future__ import annotations

import math

from gzslbench_benchmarks.speed.products.product import Product
from gzslbench_benchmarks.speed.products.wgan import (
    our_critic,
    our_generator,
    our_synthesis,
    published_critic,
    published_generator,
    published_synthesis,
)
from gzslbench_benchmarks.speed.shapes import Shape


def published_epoch_products(shape: Shape) -> list[Product]:
    """Every product of an epoch of the published form."""
    step = published_synthesis(shape) + published_critic(shape)
    return _epoch(shape, step, published_generator(shape))


def our_epoch_products(shape: Shape) -> list[Product]:
    """Those that ours does."""
    return _epoch(shape, our_synthesis(shape) + our_critic(shape), our_generator(shape))


def _epoch(shape: Shape, critic: list[Product], generator: list[Product]) -> list[Product]:
    b, d, c = shape.batch, shape.features, shape.classes
    classification = [(b, d, c), (b, c, d)]
    return (critic * shape.critic_steps + generator + classification) * math.ceil(shape.rows / b)
