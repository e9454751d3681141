"""The habits of the published programs: what they draw, fit and test is what we do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.evaluation.metrics import per_class_accuracy
from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins import ClassNoise
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench_benchmarks.speed.ours import ce_gzsl_params
from gzslbench_benchmarks.speed.published.batches import RandomBatches, ShuffledBatches
from gzslbench_benchmarks.speed.published.evaluation import PublishedEvaluation, PublishedHead, mean_accuracy
from gzslbench_benchmarks.speed.published.training import build_plain
from gzslbench_benchmarks.speed.shapes import SHAPES
from gzslbench_methods.ce_gzsl import SPEC as CE_GZSL

SHAPE = SHAPES["AWA2"].tiny()
CPU = torch.device("cpu")


@pytest.fixture
def embedding():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(SHAPE.features, SHAPE.embedding), nn.ReLU())


@pytest.fixture
def evaluation():
    view = SHAPE.train_view()
    method = build_plain(CE_GZSL, view, ce_gzsl_params(SHAPE))
    return PublishedEvaluation(method, view, SHAPE.eval_view())


@pytest.mark.parametrize("size", [3, 4, 6])
def test_shuffled_batches_are_full_and_read_every_row_once_before_any_row_twice(size):
    torch.manual_seed(0)
    rows = 12
    batches = ShuffledBatches(torch.arange(rows)[:, None] * 10, torch.arange(rows))
    drawn = [batches.next(size) for _ in range(3 * rows // size)]
    assert all(len(labels) == size and torch.equal(x[:, 0], labels * 10) for x, labels in drawn)
    labels = torch.cat([labels for _, labels in drawn])
    orders = labels.view(3, rows)
    assert all(order.sort().values.tolist() == list(range(rows)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_a_shuffled_batch_reaches_from_one_order_into_the_next():
    torch.manual_seed(0)
    batches = ShuffledBatches(torch.arange(10)[:, None], torch.arange(10))
    labels = torch.cat([batches.next(4)[1] for _ in range(5)]).view(2, 10)
    assert all(order.sort().values.tolist() == list(range(10)) for order in labels)


def test_random_batches_hold_different_rows_and_their_labels():
    torch.manual_seed(0)
    view = SHAPE.train_view()
    features, labels = RandomBatches(view, SHAPE.batch).draw()
    found = [torch.nonzero((view.features == row).all(dim=1)).item() for row in features]
    assert len(set(found)) == SHAPE.batch
    assert torch.equal(labels, view.labels[found])


def test_head_fitted_as_published_is_our_head_for_the_same_start_and_batches(embedding):
    rows, size, classes = 24, 6, 4
    features, labels = torch.rand(rows, SHAPE.features), torch.arange(rows) % classes
    with torch.no_grad():
        hidden = embedding(features)
    settings = HeadSettings(per_class=1, batch_size=size)
    ours = next(fit_softmax_head(hidden, labels, classes, settings, 1, torch.Generator().manual_seed(5)))

    stream = torch.Generator().manual_seed(5)
    start = torch.empty(classes, SHAPE.embedding).normal_(0, 0.02, generator=stream)
    head = PublishedHead(embedding, SHAPE.embedding, classes, CPU)
    assert not head.layer.bias.any()
    head.layer.weight.data = start.clone()
    torch.set_rng_state(stream.get_state())
    batches = ShuffledBatches(features, labels)
    for _ in range(rows // size):
        head.step(*batches.next(size))
    assert (head.layer.weight - start).abs().max() > 1e-3
    torch.testing.assert_close(head.layer.weight.data, ours.weight)
    torch.testing.assert_close(head.layer.bias.data, ours.bias)


def test_accuracy_is_our_per_class_accuracy_for_any_batch(embedding):
    torch.manual_seed(1)
    head = PublishedHead(embedding, SHAPE.embedding, 3, CPU)
    torch.nn.init.normal_(head.layer.weight)
    features, labels = torch.rand(50, SHAPE.features), torch.arange(50) % 7 % 3
    with torch.no_grad():
        predicted = head.layer(embedding(features)).argmax(dim=1)
    expected = per_class_accuracy(predicted.numpy(), labels.numpy(), np.arange(1, 3)) / 100
    assert 0 < expected < 1
    for batch in (7, 50, 64):
        assert head.accuracy(features, labels, torch.arange(1, 3), batch) == pytest.approx(expected)


def test_a_class_without_rows_counts_as_missed():
    labels = torch.tensor([0, 0, 2])
    assert mean_accuracy(torch.tensor([0, 1, 2]), labels, torch.arange(3)) == pytest.approx((0.5 + 0 + 1) / 3)


def test_features_are_synthesized_class_by_class_as_the_method_does(evaluation, monkeypatch):
    streams = [torch.Generator().manual_seed(seed) for seed in (9, 10)]
    waiting = iter([stream.clone_state() for stream in streams])
    monkeypatch.setattr(evaluation, "_stream", lambda: next(waiting))
    features, labels = evaluation.synthesize()
    unseen = SHAPE.eval_view().semantics[SHAPE.classes :]
    noise = ClassNoise(streams, SHAPE.syn_num)
    torch.testing.assert_close(features, evaluation.method.synthesize(unseen, noise))
    assert labels.bincount(minlength=SHAPE.candidates).tolist() == [0] * SHAPE.classes + [SHAPE.syn_num] * 2


def test_a_method_that_samples_seen_rows_gets_equally_many_of_each_class(evaluation):
    view, spec = SHAPE.train_view(), plugins().method("cada-vae")
    small = {"latent": 3, "features_encoder": 4, "semantics_encoder": 4, "features_decoder": 4}
    params = build(spec.params, {**small, "semantics_decoder": 4, "seen_num": 13, "syn_num": 6}, "a test")
    sampled = PublishedEvaluation(build_plain(spec, view, params), view, SHAPE.eval_view())
    features, labels = sampled.sample()
    assert features.shape == (13 * SHAPE.classes, 3)
    assert labels.bincount().tolist() == [13] * SHAPE.classes
    assert len(sampled.evaluate()) == params.head_epochs
    rows, own = evaluation.sample()  # and any other method its training rows
    assert torch.equal(rows, view.features) and torch.equal(own, view.labels)


def test_an_evaluation_gives_both_accuracies_after_every_epoch_of_the_head(evaluation):
    torch.manual_seed(0)
    trace = evaluation.evaluate()
    assert len(trace) == SHAPE.head_epochs
    assert all(0 <= share <= 1 for pair in trace for share in pair)
    assert evaluation.method.modules.training


def test_a_scoring_method_is_evaluated_once():
    view, spec = SHAPE.train_view(), plugins().method("dem")
    method = build_plain(spec, view, build(spec.params, {"hidden": 4}, "a test"))
    test = SHAPE.eval_view()
    ((seen, unseen),) = PublishedEvaluation(method, view, test).evaluate()
    predicted = method.scores(test.features, test.semantics).argmax(1).numpy()
    labels, classes = test.labels.numpy(), np.arange(SHAPE.candidates)
    ours = [
        per_class_accuracy(predicted, labels, part)
        for part in (classes[: SHAPE.classes], classes[SHAPE.classes :])
    ]
    assert [100 * seen, 100 * unseen] == pytest.approx(ours)
