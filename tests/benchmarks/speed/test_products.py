"""The lists of matrix products against those that the programs are seen to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from gzslbench.computing.graph import WARM_UP
from gzslbench_benchmarks.speed.ours import ce_gzsl_evaluation, ce_gzsl_iteration, f_clswgan_epoch
from gzslbench_benchmarks.speed.products import product as module
from gzslbench_benchmarks.speed.products.ce_gzsl import (
    our_products,
    published_products,
    published_products_of_all_layers,
    second_layer_products,
)
from gzslbench_benchmarks.speed.products.evaluation import (
    our_evaluation_products,
    published_evaluation_products,
)
from gzslbench_benchmarks.speed.products.f_clswgan import our_epoch_products, published_epoch_products
from gzslbench_benchmarks.speed.products.product import AdamStep, MatrixProducts, floor, gigaflop
from gzslbench_benchmarks.speed.published import evaluation, f_clswgan
from gzslbench_benchmarks.speed.published.ce_gzsl import pair_matrix_iteration
from gzslbench_benchmarks.speed.shapes import SHAPES, Shape

# No size is another's, so that a product tells by its sizes what it is.
SHAPE = Shape(
    "odd", rows=44, classes=5, unseen=2, semantics=3, noise=2, comparator=29, syn_num=9, test_seen=31,
    test_unseen=21, batch=11, features=13, generator=17, critic=19, embedding=23, projection=8, head_epochs=2,
)  # fmt: skip


def as_one(product):
    """The same for a product and its transpose."""
    m, k, n = product
    return min(m, n), k, max(m, n)


def counted(products):
    return Counter(map(as_one, products))


def seen_in(program):
    with MatrixProducts() as products:
        program()
    return counted(products.found)


def broad(products):
    """Those of matrices, not of a row, a column or an outer product."""
    return Counter({product: times for product, times in products.items() if min(product) > 1})


def test_our_iteration_does_the_products_of_its_list_and_no_others(conditions):
    program = ce_gzsl_iteration(SHAPE, conditions)
    assert broad(seen_in(program)) == counted(our_products(SHAPE))


def test_the_published_iteration_does_all_products_of_its_list(conditions):
    b, c, e, a, h = SHAPE.batch, SHAPE.classes, SHAPE.embedding, SHAPE.semantics, SHAPE.comparator
    seen = seen_in(pair_matrix_iteration(SHAPE, conditions))
    listed = counted(published_products(SHAPE))
    split = counted([(b, e, h), (c, a, h), (h, b, e), (b, h, e), (h, c, a)])
    pairs = {as_one(p) for p in [(b * c, e + a, h), (h, b * c, e + a), (b * c, h, e + a)]}
    assert pairs <= set(seen)
    assert Counter({p: n for p, n in listed.items() if p not in split}) <= seen
    surplus = broad(seen - listed)
    inputs, m = SHAPE.features + a, SHAPE.critic
    # Autograd also carries the slope's derivative, all zeros, back through the mixed rows.
    assert set(surplus) - pairs <= {as_one((m, b, inputs)), as_one((b, m, inputs))}
    thin = counted(second_layer_products(SHAPE))
    assert all(seen[product] >= times for product, times in thin.items() if product[1] > 1)
    assert published_products_of_all_layers(SHAPE) == published_products(SHAPE) + second_layer_products(SHAPE)


def test_epochs_of_f_clswgan_do_the_products_of_their_lists(conditions):
    ours = f_clswgan_epoch(SHAPE, conditions)
    assert broad(seen_in(ours)) == counted(our_epoch_products(SHAPE))
    assert counted(published_epoch_products(SHAPE)) <= seen_in(f_clswgan.epoch(SHAPE, conditions))


def test_evaluations_do_the_products_of_their_lists(conditions):
    seen = broad(seen_in(ce_gzsl_evaluation(SHAPE, conditions)))
    # Chunks may be cut elsewhere, and a class's semantics may or may not be multiplied alone.
    work = sum(gigaflop([product]) * times for product, times in seen.items())
    assert work == pytest.approx(gigaflop(our_evaluation_products(SHAPE)), rel=0.02)
    assert counted(published_evaluation_products(SHAPE)) <= seen_in(evaluation.evaluation(SHAPE, conditions))


@pytest.mark.parametrize("name", SHAPES)
def test_ours_does_fewer_products_than_published_and_the_second_layer_comes_on_top(name):
    shape = SHAPES[name]
    ours, published = gigaflop(our_products(shape)), gigaflop(published_products(shape))
    assert 0.5 * published < ours < 0.95 * published
    # Five critic steps three times over the pairs, the generator's step twice.
    pairs = shape.batch * shape.classes * shape.comparator
    assert gigaflop(second_layer_products(shape)) == pytest.approx(17 * 2 * pairs / 1e9)


def test_the_floor_does_each_product_as_often_as_it_is_listed(conditions):
    products = [(2, 3, 4), (5, 3, 2), (2, 3, 4)]
    assert seen_in(floor(products, conditions)) == {(2, 3, 4): 2, (2, 3, 5): 1}


@pytest.mark.parametrize("amsgrad", [False, True])
def test_a_floor_with_adam_steps_as_many_numbers_by_the_same_rule(conditions, amsgrad):
    weights = [torch.nn.Parameter(torch.ones(3, 4)), torch.nn.Parameter(torch.ones(5))]
    adam = torch.optim.Adam(weights, amsgrad=amsgrad, fused=True)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    with MatrixProducts() as seen:
        adam.step()
        adam.step()
    assert seen.steps == [AdamStep(17, amsgrad)] * 2 and not seen.found
    with MatrixProducts() as again:
        floor([(2, 3, 4)], conditions, seen.steps)()
    assert (again.steps, again.found) == (seen.steps, [(2, 3, 4)])


def test_a_floor_multiplies_at_its_precision(conditions, monkeypatch):
    seen, mm = [], torch.mm
    monkeypatch.setattr(
        torch, "mm", lambda left, right, out: seen.append(left.dtype) or mm(left, right, out=out)
    )
    for precision in ("fp32", "bf16"):
        floor([(2, 3, 4)], replace(conditions, precision=precision))()
    assert seen == [torch.float32, torch.bfloat16]


def test_where_there_are_graphs_a_floor_is_one_that_does_every_product(conditions, recording, monkeypatch):
    capture = recording()
    monkeypatch.setattr(module, "capture_on", lambda device: capture)
    program = floor([(2, 3, 4), (5, 3, 2), (2, 3, 4)], conditions)
    for _ in range(WARM_UP):
        program()
    assert (capture.warmed, capture.replayed) == (WARM_UP, 0)
    program()
    assert seen_in(program) == {(2, 3, 4): 2, (2, 3, 5): 1}
    assert (capture.warmed, capture.replayed) == (WARM_UP, 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error:.*continues without a CUDA graph")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_on_cuda_a_floor_is_captured_at_every_precision(conditions, precision):
    on_cuda = replace(conditions, device=torch.device("cuda"), precision=precision)
    program = floor([(32, 64, 16), (16, 64, 16)], on_cuda)
    for _ in range(WARM_UP + 2):
        program()
    on_cuda.synchronize()
