"""One f-CLSWGAN epoch at FLO's shape against the published form and bare matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import memory_of
from gzslbench_benchmarks.speed.ours import f_clswgan_epoch
from gzslbench_benchmarks.speed.products.f_clswgan import our_epoch_products, published_epoch_products
from gzslbench_benchmarks.speed.products.product import floor
from gzslbench_benchmarks.speed.published.f_clswgan import epoch
from gzslbench_benchmarks.speed.shapes import Shape

BATCH, WEIGHT = 64, 0.1


def settings(conditions: Conditions) -> Iterator[Setting]:
    """FLO with noise as long as its semantics."""
    shape = epoch_shape(conditions)
    contestants = [
        Contestant(
            "ours",
            partial(f_clswgan_epoch, shape, conditions),
            memory_of(f_clswgan_epoch, shape, conditions, keeps_memory=True),
            keeps_memory=True,
        ),
        *([_without_graphs(shape, conditions)] if conditions.on_cuda else []),
        Contestant(
            "published form",
            partial(epoch, shape, conditions),
            memory_of(epoch, shape, conditions),
            slow=True,
        ),
        Contestant(
            "floor: published products",
            partial(floor, published_epoch_products(shape), conditions),
            slow=True,
        ),
        Contestant("floor: our products", partial(floor, our_epoch_products(shape), conditions), slow=True),
    ]
    yield Setting(f"FLO, batch {shape.batch}", contestants)


def _without_graphs(shape: Shape, conditions: Conditions) -> Contestant:
    build = partial(f_clswgan_epoch, shape, conditions, graphs=False)
    return Contestant("ours, without graphs", build, keeps_memory=True)


def epoch_shape(conditions: Conditions) -> Shape:
    """FLO's shape with the settings of f-CLSWGAN."""
    flo = conditions.shape("FLO")
    return replace(flo, batch=min(BATCH, flo.batch), noise=flo.semantics, weight=WEIGHT)
