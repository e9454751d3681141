"""The setting evolving: a row of the stream is scored once, before it is learned, and without its label."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.data.views import make_views
from gzslbench.errors import PluginError
from gzslbench.evaluation.checked_method import score_stream
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins.head import HeadSettings

CLASSES, DIM = 5, 4


class Recorder:
    """Moves its classes towards the mean of each batch, and writes down what it is given."""

    batch_size = 6

    def __init__(self, places):
        self.places, self.calls = places.clone(), []

    def scores(self, features):
        self.calls.append(("scores", features))
        return -torch.cdist(features, self.places)

    def learn(self, features):
        assert torch.is_grad_enabled()
        self.calls.append(("learn", features))
        self.places += 0.1 * (features.mean(0) - self.places)


class Method:
    """A scoring method that can evolve; it keeps what its streams recorded."""

    model = Recorder

    def __init__(self, places):
        self.modules = nn.ModuleDict({"places": nn.Embedding.from_pretrained(places)})
        self.given, self.streams = [], []

    def scores(self, features, semantics):
        return -torch.cdist(features, self.modules["places"].weight)

    def evolve(self, semantics, seen, generator):
        self.given.append((semantics, seen, torch.rand(1, generator=generator).item()))
        self.streams.append(self.model(self.modules["places"].weight))
        return self.streams[-1]

    @property
    def scored(self):
        return torch.cat([rows for call, rows in self.streams[-1].calls if call == "scores"])


@pytest.fixture
def views():
    dataset = make_synthetic(
        classes=CLASSES, unseen=2, per_class=20, dim=DIM, semantic_dim=3, noise=0.3, seed=2
    )
    return make_views(dataset, "none", "cpu", "evolving")


@pytest.fixture
def method():
    return Method(torch.randn(CLASSES, DIM, generator=torch.Generator().manual_seed(0)))


def evaluate(views, method, seed=1, epoch=3, **settings):
    return Evaluator(*views, **{"method_setting": "evolving", **settings}).evaluate(method, epoch, seed)


def test_each_batch_is_scored_once_and_only_then_learned(views, method):
    evaluation = evaluate(views, method)
    calls = method.streams[0].calls
    assert [call for call, _ in calls] == ["scores", "learn"] * (len(calls) // 2)
    for (_, scored), (_, learned) in zip(calls[::2], calls[1::2], strict=True):
        assert torch.equal(scored, learned)
    test = views[1].features
    assert sorted(map(tuple, method.scored.tolist())) == sorted(map(tuple, test.tolist()))
    places = method.modules["places"].weight.clone()
    nearest = {}
    for batch in method.scored.split(Recorder.batch_size):
        for row in batch:
            nearest[tuple(row.tolist())] = -torch.linalg.vector_norm(row - places, dim=1)
        places += 0.1 * (batch.mean(0) - places)
    scores = torch.stack([nearest[tuple(row.tolist())] for row in test])
    expected = [scores[:, side].max(1).values for side in (views[1].seen, ~views[1].seen)]
    np.testing.assert_allclose(evaluation.predictions.gap, expected[0] - expected[1], rtol=1e-4, atol=1e-5)


def test_labels_do_not_reach_the_model(views, method):
    """Other labels of the test rows change nothing of what it is given, and nothing that it answers."""
    train, held_out = views
    first = evaluate(views, method)
    other = replace(
        held_out,
        seen_labels=held_out.seen_labels.flip(0),
        unseen_labels=held_out.unseen_labels.flip(0),
    )
    second = evaluate((train, other), method)
    assert torch.equal(
        torch.cat([rows for _, rows in method.streams[0].calls]),
        torch.cat([rows for _, rows in method.streams[1].calls]),
    )
    assert np.array_equal(first.predictions.gap, second.predictions.gap)
    assert all(rows.shape[1] == DIM for _, rows in method.streams[0].calls)
    semantics, seen, _ = method.given[0]
    assert torch.equal(semantics, held_out.semantics) and torch.equal(seen, held_out.seen)


def test_the_seed_alone_decides_the_order(views, method):
    orders = []
    for seed, epoch in ((1, 3), (1, 8), (2, 3)):
        evaluate(views, method, seed=seed, epoch=epoch)
        orders.append(method.scored)
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    in_order = views[1].features
    assert not torch.equal(orders[0], in_order)
    assert sorted(map(tuple, orders[2].tolist())) == sorted(map(tuple, in_order.tolist()))


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_scores_do_not_depend_on_later_batches(method, batch):
    rows = torch.randn(20, DIM, generator=torch.Generator().manual_seed(1))
    changed = rows.clone()
    known = (batch + 1) * Recorder.batch_size
    changed[known:] += 3
    arguments = (CLASSES, None, None, torch.Generator())
    one, other = (score_stream(method, given, *arguments) for given in (rows, changed))
    assert torch.equal(one[:known], other[:known])
    assert not torch.equal(one[known:], other[known:])


def test_a_model_that_writes_into_its_rows_or_scores_harms_nobody(views, method):
    class Spoiling(Recorder):
        def scores(self, features):
            self.last = super().scores(features.clone())
            features.zero_()
            return self.last

        def learn(self, features):
            super().learn(features.clone())
            self.last.zero_()

    before = views[1].features.clone()
    first = evaluate(views, method)
    method.model = Spoiling
    assert np.array_equal(evaluate(views, method).predictions.gap, first.predictions.gap)
    assert torch.equal(views[1].features, before)


def test_a_method_of_another_setting_does_not_evolve(views, method):
    evaluate(views, method, method_setting="inductive")
    assert method.streams == []


def test_a_method_that_evolves_its_own_networks_is_refused(views, method):
    class Straying(Recorder):
        def __init__(self, places):
            self.places, self.calls = places, []

    method.model = Straying
    with pytest.raises(PluginError, match="changed its networks"):
        evaluate(views, method)


def test_a_missing_stream_and_wrong_scores_are_named(views, method):
    class Narrow(Recorder):
        def scores(self, features):
            return super().scores(features)[:, :2]

    method.model = Narrow
    with pytest.raises(PluginError, match=r"\(6, 2\), not \(6, 5\)"):
        evaluate(views, method)
    with pytest.raises(PluginError, match="evolve is missing"):
        score_stream(object(), torch.zeros(2, DIM), CLASSES)


@pytest.mark.parametrize("size", [0, -1, 2.5, "x", None])
def test_a_batch_size_that_is_no_number_of_rows_is_refused(size):
    scorer = SimpleNamespace(evolve=lambda: SimpleNamespace(batch_size=size))
    with pytest.raises(PluginError, match=f"has batch_size={size!r}"):
        score_stream(scorer, torch.zeros(2, DIM), CLASSES)


class Generative:
    """Synthesizes the places of the classes; a row is embedded as it is."""

    head = HeadSettings(per_class=3, batch_size=8, epochs=2)
    modules = nn.ModuleDict()

    def synthesize(self, semantics, noise):
        return noise.normal(DIM)

    def embed(self, features):
        return features


class Fitted:
    def __init__(self, places):
        self.places, self.streams = places, []

    def scores(self, features):
        return -torch.cdist(features, self.places)

    def evolve(self, generator):
        self.streams.append(Recorder(self.places))
        return self.streams[-1]


class Means:
    """A head of one place for each class, at each epoch farther out."""

    def __init__(self):
        self.fitted, self.rows = [], []

    def settings(self, of_method):
        return of_method

    def fit(self, rows, settings, epochs, generator, graphs):
        self.rows.append(rows)
        means = torch.stack([rows.features[rows.labels == label].mean(0) for label in range(CLASSES)])
        for epoch in range(1, epochs + 1):
            self.fitted.append(Fitted(epoch * means))
            yield self.fitted[-1]


def test_the_head_of_each_epoch_evolves_from_where_it_was_fitted(views):
    head = Means()
    evaluator = Evaluator(*views, head=head, head_setting="evolving")
    evaluation = evaluator.evaluate(Generative(), 1, 1)
    assert head.rows[0].unlabelled is None
    assert len(evaluation.trace) == 2
    streams = [stream for fitted in head.fitted for stream in fitted.streams]
    assert len(streams) == 2
    rows = [torch.cat([rows for call, rows in stream.calls if call == "scores"]) for stream in streams]
    assert torch.equal(rows[0], rows[1]) and len(rows[0]) == len(views[1].features)
    alone = deepcopy(head.fitted[1])
    expected = score_stream(alone, rows[1], CLASSES, torch.Generator())
    place = {tuple(row.tolist()): scores for row, scores in zip(rows[1], expected, strict=True)}
    scores = torch.stack([place[tuple(row.tolist())] for row in views[1].features])
    seen = views[1].seen
    gap = scores[:, seen].max(1).values - scores[:, ~seen].max(1).values
    assert np.array_equal(evaluation.predictions.gap, gap.numpy())


def test_a_generative_method_cannot_evolve(views):
    with pytest.raises(PluginError, match="a generative method cannot evolve"):
        evaluate(views, Generative())


def test_training_is_inductive(views):
    assert type(views[0]).__name__ == "TrainView"
