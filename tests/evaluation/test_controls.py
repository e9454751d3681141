"""The controls ``oracle`` and ``chance`` of the evaluator."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.data.views import make_views
from gzslbench.errors import DataError
from gzslbench.evaluation.controls import StandIn, compare_with_chance, split_unseen
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.inputs import HeadData

SEED = 3


@pytest.fixture(scope="module")
def views():
    """Eight seen and four unseen classes; 40 rows of each unseen class are test_unseen."""
    sizes = {"classes": 12, "unseen": 4, "dim": 16, "semantic_dim": 6, "per_class": 40}
    dataset = make_synthetic(**sizes, noise=0.15, seed=1)
    return make_views(dataset, "none", "cpu")


class Noise:
    """A generative method whose synthesized rows are far from every class."""

    def __init__(self, zsl_epochs=0):
        self.modules = nn.ModuleDict()
        self.head = HeadSettings(per_class=30, batch_size=64, epochs=5, zsl_epochs=zsl_epochs, lr=0.05)

    def synthesize(self, semantics, noise):
        return 50 + noise.normal(16)

    def embed(self, features):
        return features


def as_rows(features):
    return {row.tobytes() for row in features.numpy()}


def test_the_oracle_trains_on_half_of_each_unseen_class_and_tests_the_other_half(views):
    _, test = views
    split = split_unseen(test)
    unseen = (~test.seen).nonzero().squeeze(1).tolist()
    for label, for_the_head in zip(unseen, split.real_unseen, strict=True):
        whole = as_rows(test.unseen_features[test.unseen_labels == label])
        tested = as_rows(split.unseen_features[split.unseen_labels == label])
        assert len(for_the_head) == len(tested) == 20
        assert as_rows(for_the_head) | tested == whole and not as_rows(for_the_head) & tested
    assert torch.equal(split.seen_features, test.seen_features)
    assert torch.equal(split.features[-80:], split.unseen_features)


def test_the_split_of_the_oracle_is_random_and_always_the_same(views):
    _, test = views
    first, second = split_unseen(test), split_unseen(test)
    assert torch.equal(first.unseen_features, second.unseen_features)
    own = test.unseen_features[test.unseen_labels == test.unseen_labels[0]]
    assert as_rows(first.real_unseen[0]) not in (as_rows(own[:20]), as_rows(own[20:]), as_rows(own[::2]))


def with_rows(test, *counts):
    """Keep so many test rows of each unseen class."""
    labels = (~test.seen).nonzero().squeeze(1).tolist()
    kept = [
        (test.unseen_labels == label).nonzero()[:count, 0]
        for label, count in zip(labels, counts, strict=True)
    ]
    rows = torch.cat(kept)
    return replace(test, unseen_features=test.unseen_features[rows], unseen_labels=test.unseen_labels[rows])


def test_of_an_odd_number_of_rows_one_more_is_tested(views):
    split = split_unseen(with_rows(views[1], 2, 5, 7, 9))
    assert [len(part) for part in split.real_unseen] == [1, 2, 3, 4]
    assert split.unseen_labels.bincount()[-4:].tolist() == [1, 3, 4, 5]


def test_a_class_of_one_row_is_refused_and_named(views):
    with pytest.raises(DataError, match="class 9 has fewer than two rows"):
        split_unseen(with_rows(views[1], 2, 1, 7, 9))


class Spy:
    """Notes what the head is fitted on, and which rows it scores."""

    def __init__(self):
        self.fitted: list[HeadData] = []
        self.scored = []

    def settings(self, of_method):
        return of_method

    def fit(self, rows, settings, epochs, generator, graphs):
        self.fitted.append(rows)
        yield from [self] * epochs

    def scores(self, features):
        self.scored.append(features)
        return torch.zeros(len(features), len(self.fitted[0].seen))


def test_no_row_that_the_oracle_tests_is_among_those_its_head_is_fitted_on(views):
    train, test = views
    spy = Spy()
    Evaluator(train, split_unseen(test), head=spy).evaluate(Noise(), 1, SEED)
    (rows,) = spy.fitted
    fitted, scored = as_rows(rows.features), as_rows(torch.cat(spy.scored))
    assert not fitted & scored
    unseen = as_rows(rows.features[~rows.seen[rows.labels]])
    assert len(unseen) == 80 and unseen < as_rows(test.unseen_features)
    assert unseen | scored == as_rows(test.features)


@pytest.mark.parametrize("zsl_epochs", [0, 5])
def test_the_oracle_replaces_what_a_method_synthesizes(views, zsl_epochs):
    method = Noise(zsl_epochs)
    plain = Evaluator(*views).evaluate(method, 1, SEED).trace[-1]
    oracle = Evaluator(views[0], split_unseen(views[1])).evaluate(method, 1, SEED).trace[-1]
    assert plain.U < 10 and plain.T1 < 60
    assert oracle.U > 80 and oracle.T1 > 90


def test_the_oracle_of_features_comes_near_the_nearest_class_mean(views):
    """That is nearly the best classifier of these Gaussian classes."""
    train, test = views
    split = split_unseen(test)
    evaluation = Evaluator(train, split).evaluate(StandIn(train, SEED), 0, SEED)
    means = [train.features[train.labels == label].mean(0) for label in range(8)]
    means = torch.stack([*means, *(part.mean(0) for part in split.real_unseen)])
    nearest = torch.cdist(split.features, means).argmin(1)
    best = 100 * (nearest == split.labels)[split.labels >= 8].float().mean().item()
    assert best > 80 and evaluation.trace[-1].U > best - 10
    assert len(evaluation.predictions.zsl) == 80


def test_chance_has_the_accuracies_of_guessing(views):
    """Over 40 seeds, within five standard errors of the binomial expectation."""
    train, test = views
    evaluator = Evaluator(train, test)
    found = [evaluator.evaluate(StandIn(train, seed), 0, seed).trace[-1] for seed in range(40)]
    for name, candidates, rows in (("T1", 4, 160), ("U", 12, 160), ("S", 12, 64)):
        share = 1 / candidates
        error = 100 * np.sqrt(share * (1 - share) / (rows * len(found)))
        assert np.mean([getattr(one, name) for one in found]) == pytest.approx(100 * share, abs=5 * error)


def test_chance_is_the_same_each_time_and_differs_by_seed(views):
    train, test = views
    first, again, other = (
        Evaluator(train, test).evaluate(StandIn(train, seed), 0, 7).predictions.predicted.tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other


def random_predictions(rng, seen=2, unseen=5, rows=6, skill=0.3):
    """Predictions in which a share ``skill`` of the rows is right, apart from the seen-unseen decision."""
    labels = np.repeat(np.arange(seen + unseen), rows)
    best_seen = rng.integers(0, seen, len(labels))
    best_unseen = rng.integers(seen, seen + unseen, len(labels))
    right = (rng.random(len(labels)) < skill) & (labels >= seen)
    best_unseen = np.where(right, labels, best_unseen)
    gap = rng.standard_normal(len(labels)).astype(np.float32)
    mask = np.arange(seen + unseen) < seen
    return Predictions(labels, best_seen, best_unseen, gap, best_unseen[labels >= seen], mask)


@pytest.mark.parametrize("metric", ["T1", "U"])
@pytest.mark.parametrize("skill", [0.0, 0.3])
def test_chance_is_that_of_all_permutations_of_the_predicted_classes(metric, skill):
    """Worked out row by row: every unseen class is renamed in the predictions, in all 120 ways."""
    run = random_predictions(np.random.default_rng(1), skill=skill)
    predicted = run.zsl if metric == "T1" else run.predicted[12:]
    rows = [(label, chosen) for label, chosen in zip(run.labels[12:], predicted, strict=True)]
    every = [
        sum(chosen >= 2 and names[chosen - 2] == label for label, chosen in rows) / len(rows)
        for names in itertools.permutations(range(2, 7))
    ]
    observed, drawn = compare_with_chance([run], metric == "T1")
    assert observed == pytest.approx(getattr(metrics_of(run), metric))
    assert drawn.mean() == pytest.approx(100 * np.mean(every), abs=0.5)
    assert drawn.std() == pytest.approx(100 * np.std(every), rel=0.05)
    assert set(drawn.round(6)) == set((100 * np.array(every)).round(6))


def test_independent_shuffles_are_permuted_independently():
    """Of the pairs of permutations of three classes, one in 36 has both runs right on every row."""
    run = random_predictions(np.random.default_rng(2), unseen=3, skill=1.0)
    for runs, share in (([run], 1 / 6), ([run, run], 1 / 36)):
        observed, drawn = compare_with_chance(runs, zsl=True)
        assert observed == 100
        assert np.mean(drawn > 99) == pytest.approx(share, abs=0.02)


def test_classes_that_go_astray_as_a_whole_alarm_no_oftener_than_the_level():
    """A binomial test over the rows would take every third of them for a leak."""
    rng, false_alarms, by_rows = np.random.default_rng(3), 0, 0
    for _ in range(25):
        run = random_predictions(rng, unseen=6, rows=20, skill=0.0)
        to = 2 + rng.permutation(6)
        zsl = np.where(rng.random(120) < 0.9, to[run.labels[40:] - 2], run.zsl)
        observed, drawn = compare_with_chance([replace(run, zsl=zsl)], zsl=True)
        false_alarms += np.mean(drawn > observed - 1e-9) < 0.05
        right = round(observed * 1.2)
        by_rows += binomtest(right, 120, 1 / 6, alternative="greater").pvalue < 0.05
    assert false_alarms <= 4
    assert by_rows > 5
