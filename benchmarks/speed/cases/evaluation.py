"""One evaluation at AWA2's shape against the published form and bare matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.memory_probe import memory_of
from gzslbench_benchmarks.speed.ours import ce_gzsl_evaluation
from gzslbench_benchmarks.speed.products.evaluation import (
    our_evaluation_products,
    published_evaluation_products,
)
from gzslbench_benchmarks.speed.products.product import floor
from gzslbench_benchmarks.speed.published.evaluation import evaluation

ZSL_EPOCHS = 100


def settings(conditions: Conditions) -> Iterator[Setting]:
    """AWA2; the published form fits one head, so ours is compared without its second one, for T1."""
    shape = conditions.shape("AWA2")
    zsl_epochs = 2 if conditions.quick else ZSL_EPOCHS
    with_zsl = partial(ce_gzsl_evaluation, shape, conditions, zsl_epochs)
    contestants = [
        Contestant(
            "ours",
            partial(ce_gzsl_evaluation, shape, conditions),
            memory_of(ce_gzsl_evaluation, shape, conditions, keeps_memory=True),
            keeps_memory=True,
        ),
        Contestant(f"ours, and a head of {zsl_epochs} epochs for T1", with_zsl, keeps_memory=True),
        Contestant(
            "published form",
            partial(evaluation, shape, conditions),
            memory_of(evaluation, shape, conditions),
            slow=True,
        ),
        Contestant(
            "floor: published products",
            partial(floor, published_evaluation_products(shape), conditions),
            slow=True,
        ),
        Contestant("floor: our products", partial(floor, our_evaluation_products(shape), conditions)),
    ]
    yield Setting(f"AWA2, syn_num {shape.syn_num}", contestants)
