"""The published training: the loop of a plain form with the habits around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gzslbench_benchmarks.speed.ours import CE_GZSL, F_CLSWGAN, ce_gzsl_params, f_clswgan_params
from gzslbench_benchmarks.speed.published.ce_gzsl import LOOP, LoopCeGzsl
from gzslbench_benchmarks.speed.published.training import build_plain, plain_loop, published_training
from gzslbench_benchmarks.speed.shapes import SHAPES
from gzslbench_methods.ce_gzsl.plain import PlainCeGzsl

SHAPE = SHAPES["FLO"].tiny()


def test_class_scores_in_a_loop_give_the_loss_and_gradients_of_the_matrix_of_pairs(float64):
    torch.manual_seed(0)
    view, params = SHAPE.train_view(), ce_gzsl_params(SHAPE)
    loop, matrix = (build_plain(spec, view, params) for spec in (LOOP, CE_GZSL))
    assert (type(loop), type(matrix)) == (LoopCeGzsl, PlainCeGzsl)
    h, y = torch.rand(SHAPE.batch, SHAPE.embedding), torch.arange(SHAPE.batch) % SHAPE.classes
    results = []
    for form in (loop, matrix):
        parameters = list(form.comparator.parameters())
        torch.manual_seed(1)
        for parameter in parameters:
            torch.nn.init.normal_(parameter, std=0.4)
        loss = form.class_contrast(h, y)
        results.append((loss, *torch.autograd.grad(loss, parameters)))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_call_takes_the_steps_of_its_iterations_on_batches_of_random_rows(conditions, precision):
    view, steps = SHAPE.train_view(), []
    method = build_plain(CE_GZSL, view, replace(ce_gzsl_params(SHAPE), epochs=1))
    for name in ("critic_loss", "generator_loss"):
        loss = getattr(method, name)
        setattr(method, name, lambda batch, loss=loss, name=name: steps.append((name, batch)) or loss(batch))
    before = {name: value.clone() for name, value in method.modules.state_dict().items()}
    at_precision = replace(conditions, precision=precision)
    published_training(plain_loop(CE_GZSL), method, view, at_precision, iterations=2)()
    one_iteration = ["critic_loss"] * SHAPE.critic_steps + ["generator_loss"]
    assert [name for name, _ in steps] == 2 * one_iteration
    batches = {id(batch): batch for _, batch in steps}.values()
    assert len(batches) == 2 * SHAPE.critic_steps  # the generator sees the last one again
    assert len({tuple(batch.labels.tolist()) for batch in batches}) > 1
    moved = [name for name, value in method.modules.state_dict().items() if not value.equal(before[name])]
    assert {name for name in before if name.endswith("weight")} <= set(moved)


def test_without_a_number_a_call_trains_all_epochs_of_the_view(conditions):
    view, batches = SHAPE.train_view(), []
    method = build_plain(F_CLSWGAN, view, replace(f_clswgan_params(SHAPE), epochs=2, pretrain_batch_size=40))

    def train(method, view, draw):
        batches.append(next(draw("game")))
        assert len(view.labels) == SHAPE.rows

    published_training(train, method, view, conditions)()
    assert [len(batch) for batch in batches] == [SHAPE.batch]
