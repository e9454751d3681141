"""ESZSL and SAE against the papers' own formulas on the rows one by one."""

from __future__ import annotations

import pytest
import torch
from scipy.linalg import solve_sylvester
from torch.nn import functional

from gzslbench.errors import ParamError
from gzslbench.plugins import TrainView
from gzslbench_methods.closed_form import class_counts, class_sums, gram
from gzslbench_methods.eszsl import Eszsl, EszslParams
from gzslbench_methods.sae import GRID, Sae, SaeParams, choose_weight

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


def sae(view, weight=None, space="features"):
    """With this weight, or with the weight that the rule chooses."""
    if weight is None:
        return Sae(view, SaeParams(choose_weight=True, compare_in=space))
    return Sae(view, SaeParams(weight=weight, semantics_weight=weight, compare_in=space))


@pytest.mark.parametrize("weight", [1e-4, 0.3, 50.0])
def test_sae_is_the_published_program(view, weight):
    X, S = functional.normalize(view.features, dim=1).t(), view.semantics[view.labels].t()
    W = torch.from_numpy(
        solve_sylvester((S @ S.t()).numpy(), weight * (X @ X.t()).numpy(), (1 + weight) * (S @ X.t()).numpy())
    )
    torch.testing.assert_close(sae(view, weight).encoder.weight, W / W.norm(dim=1, keepdim=True))


@pytest.mark.parametrize("weight", [0.3, 50.0])
def test_sae_before_its_rows_are_scaled_is_at_the_minimum_of_the_papers_loss(view, weight):
    X, S = functional.normalize(view.features, dim=1).t(), view.semantics[view.labels].t()
    direction = sae(view, weight).encoder.weight.detach()
    lengths = torch.ones(SEMANTICS, 1, requires_grad=True)
    for _ in range(2):  # the loss is quadratic in the lengths, so Newton's first step ends there
        W = lengths * direction
        loss = (X - W.t() @ S).square().sum() + weight * (W @ X - S).square().sum()
        (gradient,) = torch.autograd.grad(loss, lengths, create_graph=True)
        hessian = torch.stack(
            [torch.autograd.grad(g, lengths, retain_graph=True)[0][:, 0] for g in gradient[:, 0]]
        )
        lengths = (lengths - torch.linalg.solve(hessian, gradient)).detach().requires_grad_()
    W = (lengths * direction).detach().requires_grad_()
    loss = (X - W.t() @ S).square().sum() + weight * (W @ X - S).square().sum()
    (gradient,) = torch.autograd.grad(loss, W)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-8, rtol=0)


@pytest.mark.parametrize("space", ["features", "semantics"])
def test_sae_scores_by_the_cosine_in_the_chosen_space(view, space):
    method = sae(view, 2.0, space)
    W, unseen = method.encoder.weight, torch.randn(3, SEMANTICS)
    scores = method.scores(view.features, unseen)
    for i, x in enumerate(view.features):
        for c, s in enumerate(unseen):
            one, other = (x, W.t() @ s) if space == "features" else (W @ x, s)
            torch.testing.assert_close(scores[i, c], functional.cosine_similarity(one, other, dim=0))


def test_the_length_of_a_feature_changes_nothing_for_sae(view):
    longer = TrainView(view.features * torch.rand(ROWS, 1).add(0.5), view.labels, view.semantics)
    torch.testing.assert_close(sae(view, 2.0).encoder.weight, sae(longer, 2.0).encoder.weight)


@pytest.mark.parametrize("space", ["features", "semantics"])
def test_the_rule_takes_the_best_weight_on_held_out_seen_classes(float64, space):
    torch.manual_seed(1)
    labels, semantics = torch.arange(120) % 12, torch.randn(12, SEMANTICS)
    features = semantics[labels] @ torch.randn(SEMANTICS, FEATURES) + 1.5 * torch.randn(120, FEATURES)
    held_out = [0, 5, 10]
    test = torch.isin(labels, torch.tensor(held_out))
    rest = TrainView(features[~test], labels[~test], semantics)
    accuracies = {}
    for weight in GRID:
        found = sae(rest, weight, space).scores(features[test], semantics[held_out]).argmax(1)
        correct = torch.tensor(held_out)[found] == labels[test]
        accuracies[weight] = sum(correct[labels[test] == c].double().mean() for c in held_out) / 3
    assert len({round(float(value), 6) for value in accuracies.values()}) > 1  # the weight matters
    best = min(weight for weight, value in accuracies.items() if value >= max(accuracies.values()) - 1e-12)
    view = TrainView(features, labels, semantics)
    assert choose_weight(view, space) == best
    torch.testing.assert_close(sae(view, None, space).encoder.weight, sae(view, best, space).encoder.weight)


def test_a_weight_without_effect_is_refused():
    with pytest.raises(ParamError, match="choose_weight"):
        SaeParams(choose_weight=True, weight=5.0)


def test_too_few_seen_classes_for_the_rule_take_a_fixed_weight(view):
    few = TrainView(view.features, view.labels % 3, view.semantics)
    torch.testing.assert_close(sae(few).encoder.weight, sae(few, 0.2).encoder.weight)


def test_a_seen_class_without_a_row_changes_nothing_for_sae(view):
    with_empty = TrainView(view.features, view.labels, torch.cat([view.semantics, torch.ones(1, SEMANTICS)]))
    one, other = (sae(each, 2.0).encoder.weight for each in (view, with_empty))
    torch.testing.assert_close(one, other)
