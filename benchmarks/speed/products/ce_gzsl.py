"""The matrix products of one CE-GZSL iteration, as published and as this toolkit does them."""

from __future__ import annotations

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


def published_products(shape: Shape) -> list[Product]:
    """Every product of the published form, but for the pairs'.

    Of the comparator's first layer over all pairs only W_h h + W_a a is counted, which is unavoidable, and
    nothing of its second one.
    """
    step = published_synthesis(shape) + published_critic(shape) + _contrast(shape)
    return step * shape.critic_steps + published_generator(shape) + _frozen_contrast(shape)


def second_layer_products(shape: Shape) -> list[Product]:
    """The comparator's second layer over all pairs, in the published form a product like any other.

    Forward, and back to its weights and to the hidden units; in the generator's step its weights are frozen.
    """
    pairs, h = shape.batch * shape.classes, shape.comparator
    forward, to_weight, to_hidden = (pairs, h, 1), (1, pairs, h), (pairs, 1, h)
    return [forward, to_weight, to_hidden] * shape.critic_steps + [forward, to_hidden]


def published_products_of_all_layers(shape: Shape) -> list[Product]:
    """The published products with those of the comparator's second layer."""
    return published_products(shape) + second_layer_products(shape)


def our_products(shape: Shape) -> list[Product]:
    """Return what is left of the published products; our work for each pair is not a matrix product."""
    step = our_synthesis(shape) + our_critic(shape) + _contrast(shape)
    return step * shape.critic_steps + our_generator(shape) + _frozen_contrast(shape)


def _contrast(shape: Shape) -> list[Product]:
    b, d, e, z, c, a, h = _sizes(shape)
    forward = [(b, d, e), (b, e, z), (b, z, b), (b, e, h), (c, a, h)]
    backward = [(b, b, z), (b, b, z), (z, b, e), (b, z, e), (h, b, e), (b, h, e), (h, c, a), (e, b, d)]
    return forward + backward


def _frozen_contrast(shape: Shape) -> list[Product]:
    b, d, e, z, c, a, h = _sizes(shape)
    forward = [(b, d, e), (b, e, z)] * 2 + [(2 * b, z, 2 * b), (b, e, h), (c, a, h)]
    backward = [(2 * b, 2 * b, z)] * 2 + [(b, z, e), (b, h, e), (b, e, d)]
    return forward + backward


def _sizes(shape: Shape) -> tuple[int, ...]:
    return (
        shape.batch,
        shape.features,
        shape.embedding,
        shape.projection,
        shape.classes,
        shape.semantics,
        shape.comparator,
    )
