from __future__ import annotations

import numpy as np
import pytest
import torch

from gzslbench.evaluation.metrics import per_class_accuracy
from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins import ClassNoise
from gzslbench.plugins.head import HeadSettings
from gzslbench_benchmarks.speed.published.batches import RandomBatches, ShuffledBatches
from gzslbench_benchmarks.speed.published.evaluation import PublishedEvaluation, PublishedHead
from gzslbench_benchmarks.speed.published.networks import Embedding
from gzslbench_benchmarks.speed.shapes import SHAPES
from gzslbench_methods.wgan import Generator, synthesize

SHAPE = SHAPES["AWA2"].tiny()
CPU = torch.device("cpu")


@pytest.fixture
def embedding():
    torch.manual_seed(0)
    return Embedding(SHAPE.features, SHAPE.embedding, SHAPE.projection)


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


def test_random_batches_hold_different_rows_and_the_semantics_of_their_classes():
    torch.manual_seed(0)
    view = SHAPE.train_view()
    features, labels, semantics = RandomBatches(view, SHAPE.batch).draw()
    found = [torch.nonzero((view.features == row).all(dim=1)).item() for row in features]
    assert len(set(found)) == SHAPE.batch
    assert torch.equal(labels, view.labels[found])
    assert torch.equal(semantics, view.semantics[labels])


def test_head_fitted_as_published_is_our_head_for_the_same_start_and_batches(embedding):
    rows, size, classes = 24, 6, 4
    features, labels = torch.rand(rows, SHAPE.features), torch.arange(rows) % classes
    with torch.no_grad():
        hidden, _ = embedding(features)
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
        predicted = head.layer(embedding(features)[0]).argmax(dim=1)
    expected = per_class_accuracy(predicted.numpy(), labels.numpy(), np.arange(1, 3)) / 100
    assert 0 < expected < 1
    for batch in (7, 50, 64):
        assert head.accuracy(features, labels, range(1, 3), batch) == pytest.approx(expected)


def test_synthesized_features_are_ours_for_the_same_noise(conditions):
    torch.manual_seed(0)
    evaluation = PublishedEvaluation(SHAPE, conditions)
    ours = Generator(SHAPE.noise, SHAPE.semantics, SHAPE.generator, SHAPE.features)
    first, second = evaluation.generator.first, evaluation.generator.second
    with torch.no_grad():
        first.weight.copy_(torch.cat([ours.from_noise.weight, ours.from_semantics.weight], dim=1))
        second.weight.copy_(ours.out.weight)
    stream = torch.Generator().manual_seed(9)
    torch.set_rng_state(stream.get_state())
    features, labels = evaluation.synthesize()
    unseen = SHAPE.eval_view().semantics[SHAPE.classes :]
    noise = ClassNoise([stream] * SHAPE.unseen, SHAPE.syn_num)
    torch.testing.assert_close(features, synthesize(ours, SHAPE.noise, unseen, noise))
    assert labels.bincount(minlength=SHAPE.candidates).tolist() == [0] * SHAPE.classes + [SHAPE.syn_num] * 2


def test_an_evaluation_gives_both_accuracies_after_every_epoch_of_the_head(conditions):
    torch.manual_seed(0)
    trace = PublishedEvaluation(SHAPE, conditions).evaluate()
    assert len(trace) == SHAPE.head_epochs
    assert all(0 <= share <= 1 for pair in trace for share in pair)
