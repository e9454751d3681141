"""The gaps of training rows, by which gamma is passed on from one model to another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.data.load import load_dataset
from gzslbench.data.views import make_views
from gzslbench.errors import DivergedError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins.head import HeadSettings


class Nearest:
    """Scores features by their first columns against the semantics."""

    modules = nn.ModuleDict()

    def scores(self, features, semantics):
        return -torch.cdist(features[:, : semantics.shape[1]], semantics)


class Copies(Nearest):
    """Synthesizes noise, so that a head can be fitted."""

    head = HeadSettings(per_class=5, batch_size=64, epochs=3)

    def synthesize(self, semantics, noise):
        return noise.normal(self.width)

    def embed(self, features):
        return features


@pytest.fixture(scope="module")
def views():
    return make_views(load_dataset("digits"), "none", torch.device("cpu"), "inductive")


def evaluate(views, method, which):
    method.width = views[0].features.shape[1]
    return Evaluator(*views, training_gaps=which).evaluate(method, 1, 0)


def test_a_gap_is_the_best_seen_score_minus_the_best_unseen_one(views):
    train, test = views
    (gaps,) = evaluate(views, Nearest(), "last").training_gaps
    seen = test.seen.tolist()
    for row, gap in list(zip(train.features, gaps, strict=True))[::50]:
        scores = [-float((row[: len(one)] - one).norm()) for one in test.semantics]
        best = {
            side: max(score for score, of in zip(scores, seen, strict=True) if of == side)
            for side in (True, False)
        }
        assert gap == pytest.approx(best[True] - best[False], abs=1e-3)


def test_the_last_gaps_are_the_last_of_all_and_change_no_metric(views):
    every, last, none = (evaluate(views, Copies(), which) for which in ("every", "last", "none"))
    assert [len(one.training_gaps) for one in (every, last, none)] == [3, 1, 0]
    assert np.array_equal(every.training_gaps[-1], last.training_gaps[0])
    assert not np.array_equal(every.training_gaps[0], every.training_gaps[-1])
    assert every.trace == last.trace == none.trace


def test_training_scores_that_are_not_finite_are_a_divergence(views):
    class Broken(Nearest):
        def scores(self, features, semantics):
            scores = super().scores(features, semantics)
            return scores / 0 if len(features) == len(views[0].labels) else scores

    assert evaluate(views, Broken(), "none").training_gaps == ()
    with pytest.raises(DivergedError):
        evaluate(views, Broken(), "last")
