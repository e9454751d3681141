"""The matrix products of the conditional WGAN with gradient penalty, as published and as ours does them.

Products with a single row or column (the critic's last layer) are left out on both sides.
"""

from __future__ import annotations

from gzslbench_benchmarks.speed.products.product import Product
from gzslbench_benchmarks.speed.shapes import Shape


def published_synthesis(shape: Shape) -> list[Product]:
    """A batch of features from [noise; semantics]."""
    b, g = shape.batch, shape.generator
    return [(b, shape.noise + shape.semantics, g), (b, g, shape.features)]


def published_critic(shape: Shape) -> list[Product]:
    """The critic's loss and gradients, its first layer over [x; semantics] of every row.

    At the real, the fake and the mixed rows; the penalty's gradient by the whole input, and its second
    derivative.
    """
    b, inputs, m = shape.batch, shape.features + shape.semantics, shape.critic
    return [(b, inputs, m)] * 4 + [(b, m, inputs)] + [(m, b, inputs)] * 3


def published_generator(shape: Shape) -> list[Product]:
    """A batch synthesized and judged, and the gradients back to the generator's weights."""
    b, d, g = shape.batch, shape.features, shape.generator
    inputs, m = d + shape.semantics, shape.critic
    backward = [(d, b, g), (b, d, g), (g, b, shape.noise + shape.semantics)]
    return [*published_synthesis(shape), (b, inputs, m), (b, m, inputs), *backward]


def our_synthesis(shape: Shape) -> list[Product]:
    """The semantics' part once a class."""
    b, g = shape.batch, shape.generator
    return [(b, shape.noise, g), (_conditions(shape), shape.semantics, g), (b, g, shape.features)]


def our_critic(shape: Shape) -> list[Product]:
    """Real and fake rows forward; the penalty's gradient; the weights' gradient of all three at once."""
    b, d, m, c, a = shape.batch, shape.features, shape.critic, _conditions(shape), shape.semantics
    return [(2 * b, d, m), (c, a, m), (b, m, d), (m, 3 * b, d), (m, c, a)]


def our_generator(shape: Shape) -> list[Product]:
    """As published, the semantics' part once a class."""
    b, d, g, m = shape.batch, shape.features, shape.generator, shape.critic
    c, a = _conditions(shape), shape.semantics
    backward = [(d, b, g), (b, d, g), (g, b, shape.noise), (g, c, a)]
    return [*our_synthesis(shape), (b, d, m), (c, a, m), (b, m, d), *backward]


def _conditions(shape: Shape) -> int:
    return min(shape.classes, shape.batch)
