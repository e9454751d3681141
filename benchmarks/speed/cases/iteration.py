"""One CE-GZSL iteration against the loop form, the pair-matrix form and bare matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.ours import ce_gzsl_iteration
from gzslbench_benchmarks.speed.products.ce_gzsl import (
    our_products,
    published_products,
    published_products_of_all_layers,
)
from gzslbench_benchmarks.speed.products.product import floor
from gzslbench_benchmarks.speed.published.ce_gzsl import loop_iteration, pair_matrix_iteration
from gzslbench_benchmarks.speed.shapes import AWA2_BATCH, SHAPES, Shape


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Yield the shape of each dataset; on CUDA also that of AWA2 with the published batch."""
    shapes = [conditions.shape(name) for name in SHAPES]
    if conditions.on_cuda and not conditions.quick:
        shapes.append(SHAPES["AWA2"].at(AWA2_BATCH))
    for shape in shapes:
        yield Setting(f"{shape.name}, batch {shape.batch}", _contestants(shape, conditions))


def _contestants(shape: Shape, conditions: Conditions) -> list[Contestant]:
    floors = {
        "floor: published products": published_products,
        "floor: published products, second layer of the pairs too": published_products_of_all_layers,
        "floor: our products": our_products,
    }
    return [
        Contestant("ours", partial(ce_gzsl_iteration, shape, conditions), keeps_memory=True),
        Contestant("pair-matrix form", partial(pair_matrix_iteration, shape, conditions), slow=True),
        Contestant("loop form", partial(loop_iteration, shape, conditions), slow=True),
        *(Contestant(n, partial(floor, products(shape), conditions)) for n, products in floors.items()),
    ]
