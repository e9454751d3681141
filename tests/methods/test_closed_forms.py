"""ESZSL and SAE against the papers' own formulas on the rows one by one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from gzslbench.plugins import TrainView
from gzslbench_methods.closed_form import class_counts, class_sums, gram
from gzslbench_methods.eszsl import EszslParams
from gzslbench_methods.eszsl.method import Eszsl
from gzslbench_methods.sae import SaeParams
from gzslbench_methods.sae.method import Sae

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS = 17, 6, 4, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def test_sums_counts_and_gram_are_those_of_a_loop_over_the_rows(view):
    sums, counts, outer = torch.zeros(5, FEATURES), torch.zeros(5), torch.zeros(FEATURES, FEATURES)
    for row, label in zip(view.features, view.labels.tolist(), strict=True):
        sums[label] += row
        counts[label] += 1
        outer += torch.outer(row, row)
    torch.testing.assert_close(class_sums(view.features, view.labels, 5), sums)
    torch.testing.assert_close(class_counts(view.labels, 5), counts)
    torch.testing.assert_close(gram(view.features), outer)
    assert class_sums(view.features.float(), view.labels, 5).dtype == torch.float64


@pytest.mark.parametrize("targets", ["binary", "signed"])
@pytest.mark.parametrize(("alpha", "gamma"), [(0.0, 0.0), (2.0, -1.0)])
def test_eszsl_scores_by_the_map_of_the_paper(view, targets, alpha, gamma):
    method = Eszsl(view, EszslParams(alpha=alpha, gamma=gamma, targets=targets))
    X, S = view.features.t(), view.semantics.t()
    other = 0.0 if targets == "binary" else -1.0
    Y = torch.where(functional.one_hot(view.labels, CLASSES) > 0, 1.0, other)
    left = torch.linalg.inv(X @ X.t() + 10**alpha * torch.eye(FEATURES))
    right = torch.linalg.inv(S @ S.t() + 10**gamma * torch.eye(SEMANTICS))
    V = left @ X @ Y @ S.t() @ right
    unseen = torch.randn(3, SEMANTICS)
    torch.testing.assert_close(method.scores(view.features, unseen), view.features @ V @ unseen.t())


def test_eszsl_is_at_the_minimum_of_the_papers_loss(view):
    params = EszslParams(alpha=0.5, gamma=-0.5, targets="signed")
    V = Eszsl(view, params).to_semantics.weight.t().detach().clone().requires_grad_()
    X, S = view.features.t(), view.semantics.t()
    Y = 2.0 * functional.one_hot(view.labels, CLASSES) - 1
    on_features, on_semantics = 10**params.alpha, 10**params.gamma
    loss = (X.t() @ V @ S - Y).square().sum()
    loss = loss + on_features * (V @ S).square().sum() + on_semantics * (X.t() @ V).square().sum()
    loss = loss + on_features * on_semantics * V.square().sum()
    (gradient,) = torch.autograd.grad(loss, V)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)


@pytest.mark.parametrize("weight", [0.3, 50.0])
def test_sae_is_at_the_minimum_of_the_papers_loss(view, weight):
    W = Sae(view, SaeParams(weight=weight)).encoder.weight.detach().clone().requires_grad_()
    X, S = view.features.t(), view.semantics[view.labels].t()
    loss = (X - W.t() @ S).square().sum() + weight * (W @ X - S).square().sum()
    (gradient,) = torch.autograd.grad(loss, W)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-8, rtol=0)


@pytest.mark.parametrize("space", ["features", "semantics"])
def test_sae_scores_by_the_cosine_in_the_chosen_space(view, space):
    method = Sae(view, SaeParams(weight=2.0, compare_in=space))
    W, unseen = method.encoder.weight, torch.randn(3, SEMANTICS)
    scores = method.scores(view.features, unseen)
    for i, x in enumerate(view.features):
        for c, s in enumerate(unseen):
            one, other = (x, W.t() @ s) if space == "features" else (W @ x, s)
            torch.testing.assert_close(scores[i, c], functional.cosine_similarity(one, other, dim=0))


def test_a_seen_class_without_a_row_changes_nothing_for_sae(view):
    with_empty = TrainView(view.features, view.labels, torch.cat([view.semantics, torch.ones(1, SEMANTICS)]))
    one, other = (Sae(each, SaeParams(weight=2.0)).encoder.weight for each in (view, with_empty))
    torch.testing.assert_close(one, other)
