"""ALE, DeViSE and SJE against double loops over rows and classes."""

from __future__ import annotations

import pytest
import torch
from sklearn.preprocessing import StandardScaler

from gzslbench.plugins import Batch, TrainView
from gzslbench.training.trainer import Trainer
from gzslbench_methods.ale import Ale, ranking_loss
from gzslbench_methods.bilinear import BilinearParams, violations
from gzslbench_methods.devise import Devise, DeviseParams, rank_loss
from gzslbench_methods.layers import Compatibility
from gzslbench_methods.sje import Sje, SjeParams, most_violating, structured_loss

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, MARGIN = 17, 6, 7, 5, 1.3


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


@pytest.fixture
def images(view):
    return torch.randn(ROWS, SEMANTICS)


def hinges_of(scores, label):
    """By the other classes, in their order: how far each violates the margin."""
    return [(n, MARGIN + s - scores[label]) for n, s in enumerate(scores) if n != label]


def rows_of(images, view):
    scores = (images @ view.semantics.t()).tolist()
    return list(zip(scores, view.labels.tolist(), strict=True))


def harmonic(r):
    return sum(1 / j for j in range(1, r + 1))


def test_the_own_class_never_violates(images, view):
    found = violations(images @ view.semantics.t(), view.labels, MARGIN).tolist()
    for row, (scores, label) in zip(found, rows_of(images, view), strict=True):
        assert row[label] == 0.0
        assert [row[n] for n, _ in hinges_of(scores, label)] == pytest.approx(
            [hinge for _, hinge in hinges_of(scores, label)]
        )


def test_ale_weights_hinges_by_how_many_there_are(images, view):
    total, ranks = 0.0, set()
    for scores, label in rows_of(images, view):
        violating = [hinge for _, hinge in hinges_of(scores, label) if hinge > 0]
        ranks.add(len(violating))
        if violating:
            total += harmonic(len(violating)) / len(violating) * sum(violating)
    assert len(ranks) > 3
    loss = ranking_loss(images @ view.semantics.t(), view.labels, MARGIN)
    assert loss.item() == pytest.approx(total)


def test_ales_gradient_is_the_expectation_of_drawing_until_a_class_violates(images, view):
    """WSABIE's update: the first violating class of a random order, weighted by beta of (C - 1) / draws."""
    images.requires_grad_()
    ranking_loss(images @ view.semantics.t(), view.labels, MARGIN).backward()
    random, expected = torch.Generator().manual_seed(0), torch.zeros_like(images)
    for row, (scores, label) in enumerate(rows_of(images.detach(), view)):
        hinges = dict(hinges_of(scores, label))
        for _ in range(2000):
            others = [n for n in torch.randperm(CLASSES, generator=random).tolist() if n != label]
            for draws, n in enumerate(others, start=1):
                if hinges[n] > 0:
                    weight = harmonic((CLASSES - 1) // draws) / 2000
                    expected[row] += weight * (view.semantics[n] - view.semantics[label])
                    break
    several = [sum(h > 0 for _, h in hinges_of(s, label)) > 2 for s, label in rows_of(images.detach(), view)]
    cosine = torch.cosine_similarity(images.grad[several], expected[several], dim=1)
    ratio = images.grad[several].norm(dim=1) / expected[several].norm(dim=1)
    assert cosine.min() > 0.98
    assert 0.75 < ratio.min() and ratio.max() < 1.25


def test_devise_sums_all_hinges_or_takes_the_first(images, view):
    every, first = 0.0, 0.0
    for scores, label in rows_of(images, view):
        violating = [hinge for _, hinge in hinges_of(scores, label) if hinge > 0]
        every += sum(violating)
        first += violating[0] if violating else 0.0
    assert first < every
    scores = images @ view.semantics.t()
    assert rank_loss(scores, view.labels, MARGIN, "all").item() == pytest.approx(every)
    assert rank_loss(scores, view.labels, MARGIN, "first").item() == pytest.approx(first)


def test_sje_takes_the_largest_hinge(images, view):
    total = sum(
        max(0.0, *(hinge for _, hinge in hinges_of(scores, label))) for scores, label in rows_of(images, view)
    )
    loss = structured_loss(images, view.semantics, view.labels, MARGIN, "plain")
    assert loss.item() == pytest.approx(total)


def test_sje_may_search_by_scaled_images_but_steps_by_plain_ones(images, view):
    scaled = torch.stack([(row - row.mean()) / row.std(correction=0) for row in images])
    expected = []
    for scores, label in rows_of(scaled, view):
        worst, hinge = max(hinges_of(scores, label), key=lambda pair: pair[1])
        expected.append(worst if hinge > 0 else label)
    found = most_violating(images, view.semantics, view.labels, MARGIN, "scaled")
    assert found.tolist() == expected
    assert expected != most_violating(images, view.semantics, view.labels, MARGIN, "plain").tolist()
    images.requires_grad_()
    structured_loss(images, view.semantics, view.labels, MARGIN, "scaled").backward()
    torch.testing.assert_close(images.grad, view.semantics[expected] - view.semantics[view.labels])


def test_images_of_no_spread_have_finite_scores(view):
    found = most_violating(torch.ones(ROWS, SEMANTICS), view.semantics, view.labels, MARGIN, "scaled")
    assert torch.equal(found, violations(torch.zeros(ROWS, CLASSES), view.labels, MARGIN).argmax(1))


def test_features_are_standardized_by_the_training_rows(view):
    torch.manual_seed(1)
    features = torch.cat([view.features, torch.full((ROWS, 1), 3.0)], 1)
    network, others = Compatibility(features, SEMANTICS, "standardize"), torch.rand(4, FEATURES + 1)
    scaler = StandardScaler().fit(features.numpy())
    expected = torch.from_numpy(scaler.transform(others.numpy())) @ network.to_semantics.weight.t()
    torch.testing.assert_close(network.project(others), expected)
    assert set(dict(network.named_buffers())) == {"mean", "deviation"}


def test_features_are_brought_to_length_one_or_left_as_they_are(view):
    for normalization in ("l2", "none"):
        network = Compatibility(view.features, SEMANTICS, normalization)
        for x, image in zip(view.features, network.project(view.features), strict=True):
            length = x.norm() if normalization == "l2" else 1.0
            torch.testing.assert_close(image, network.to_semantics.weight @ x / length)


def test_the_map_starts_positive_with_columns_of_length_one(view):
    weight = Compatibility(view.features, SEMANTICS, "none").to_semantics.weight
    assert weight.min() >= 0
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(SEMANTICS))


METHODS = [
    (Ale, BilinearParams(normalization="none", margin=MARGIN)),
    (Devise, DeviseParams(normalization="none", margin=MARGIN)),
    (Sje, SjeParams(normalization="none", margin=MARGIN)),
]


@pytest.mark.parametrize(("made", "params"), METHODS, ids=["ale", "devise", "sje"])
def test_the_loss_is_that_of_the_compatibilities_and_its_gradient_their_difference(made, params, view):
    torch.manual_seed(2)
    method = made(view, params)
    weight = method.compatibility.to_semantics.weight
    torch.nn.init.normal_(weight)
    batch = Batch(view.features, view.labels, torch.Generator())
    (loss,) = method.hinge_loss(batch).values()
    (gradient,) = torch.autograd.grad(loss, weight)
    nudge, step = torch.randn_like(weight), 1e-6
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            weight.add_(sign * step * nudge)
            values.append(sum(method.hinge_loss(batch).values()).item())
            weight.sub_(sign * step * nudge)
    slope = (gradient * nudge).sum().item()
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, rel=1e-5)
    unseen = torch.randn(3, SEMANTICS)
    scores = [[(x @ weight.t() @ a).item() for a in unseen] for x in view.features]
    torch.testing.assert_close(method.scores(view.features, unseen), torch.tensor(scores))


def test_one_row_a_step_moves_the_map_by_the_difference_of_both_classes(view):
    torch.manual_seed(3)
    single = TrainView(view.features[:1], view.labels[:1], view.semantics)
    method = Sje(single, SjeParams(epochs=1, batch_size=1, lr=0.25, normalization="none", margin=100.0))
    before = method.compatibility.to_semantics.weight.detach().clone()
    images = single.features @ before.t()
    found = most_violating(images, view.semantics, single.labels, 100.0, "plain")
    list(Trainer(method, single, seed=0).epochs())
    toward = view.semantics[single.labels[0]] - view.semantics[found[0]]
    moved = method.compatibility.to_semantics.weight.detach() - before
    torch.testing.assert_close(moved, 0.25 * torch.outer(toward, single.features[0]))
