"""Bias-GZSL and its head: cosines, entropies and schedules against numpy and torch's own modules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins import Batch, HeadData, HeadSettings, TrainView
from gzslbench_methods.bias_gzsl import BiasGzslParams
from gzslbench_methods.bias_gzsl.method import BiasGzsl
from gzslbench_methods.heads.bias_aware import BiasAwareParams
from gzslbench_methods.heads.bias_aware.head import BiasAware, bias_terms, entropies

ROWS, FEATURES, CLASSES, SEMANTICS = 9, 6, 4, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.rand(CLASSES, SEMANTICS))


def make(view, **settings):
    torch.manual_seed(1)
    return BiasGzsl(view, BiasGzslParams(hidden=3, **settings))


def cosine(one, other):
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def images(method, x):
    """Those of the features, without dropout."""
    layers = [
        (lin.weight.detach().numpy(), lin.bias.detach().numpy()) for lin in method.modules["projection"]
    ]
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0)
    return x @ layers[-1][0].T + layers[-1][1]


def test_the_loss_is_the_surprise_under_cosines_over_the_temperature(view):
    method = make(view, dropout=0.0, temperature=0.2)
    total = 0.0
    for z, y in zip(images(method, view.features.numpy()), view.labels.tolist(), strict=True):
        logits = [cosine(z, s) / 0.2 for s in view.semantics.numpy()]
        total += math.log(sum(map(math.exp, logits))) - logits[y]
    loss = method.class_loss(Batch(view.features, view.labels, torch.Generator()))["class"]
    assert loss.item() == pytest.approx(total / ROWS)


def test_the_scores_are_probabilities_of_the_classes_that_compete(view):
    method = make(view, temperature=0.2)
    unseen = torch.rand(3, SEMANTICS)
    z = images(method, view.features.numpy())
    chances = np.exp([[cosine(one, s) / 0.2 for s in unseen.numpy()] for one in z])
    expected = torch.from_numpy(chances / chances.sum(1, keepdims=True))
    torch.testing.assert_close(method.scores(view.features, unseen), expected)


def test_half_of_the_units_drop_out_while_it_trains(view):
    method = make(view, dropout=0.5)
    batch = Batch(view.features, view.labels, torch.Generator().manual_seed(0))
    kept = batch.uniform(ROWS, 6) >= 0.5
    first, second, last = method.modules["projection"]
    hidden = torch.relu(first(view.features)) * kept * 2
    expected = last(torch.relu(second(hidden)))
    again = Batch(view.features, view.labels, torch.Generator().manual_seed(0))
    torch.testing.assert_close(method.project(view.features, again), expected)


@pytest.mark.parametrize(("variant", "ahead"), [("reference", 1), ("clean", 0)])
def test_the_learning_rate_is_that_of_torchs_schedule(view, variant, ahead):
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, rates = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 7), []
    for _ in range(7):  # the published program steps its schedule before the epoch
        if ahead:
            sgd.step()
            schedule.step()
        rates.append(sgd.param_groups[0]["lr"])
        if not ahead:
            sgd.step()
            schedule.step()
    (stage,) = make(view, epochs=7, variant=variant).stages()
    assert [stage.schedule(epoch) for epoch in range(7)] == pytest.approx(rates, abs=1e-12)
    assert (stage.schedule(6) == pytest.approx(0, abs=1e-12)) == bool(ahead)


SEEN = torch.tensor([True, False, True, True, False])


def naive_terms(logits, labels, seen, margin):
    chances = [np.exp(row) / np.exp(row).sum() for row in logits]
    total = 0.0
    for group in (True, False):
        entropy = [
            -sum(p * math.log(p) for p, s in zip(row, seen, strict=True) if s == group) for row in chances
        ]
        inside = [e for e, y in zip(entropy, labels, strict=True) if seen[y] == group]
        outside = [e for e, y in zip(entropy, labels, strict=True) if seen[y] != group]
        total += max(0.0, margin + (np.mean(inside) if inside else 0) - (np.mean(outside) if outside else 0))
    return total


@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 4, 0], [0, 2, 3, 0, 0, 2], [1, 4, 4, 1, 1, 4]])
@pytest.mark.parametrize("margin", [0.0, 0.2, 3.0])
def test_the_entropy_terms_are_hinges_on_means_over_the_rows_of_each_group(labels, margin):
    torch.manual_seed(3)
    logits = 2 * torch.randn(6, 5, dtype=torch.float64)
    found = bias_terms(logits, torch.tensor(labels), SEEN, margin)
    assert found.item() == pytest.approx(naive_terms(logits.numpy(), labels, SEEN.tolist(), margin))


def test_a_class_without_probability_adds_no_entropy():
    logits = torch.tensor([[200.0, -200.0, 0.0, 0.0, 0.0]])
    assert entropies(logits, torch.ones(5)).item() == 0


def rows_of(per_class=30, classes=5):
    random = torch.Generator().manual_seed(3)
    semantics = torch.rand(classes, 8, generator=random)
    labels = torch.arange(classes).repeat_interleave(per_class)
    noise = 0.1 * torch.rand(len(labels), 8, generator=random)
    return HeadData(semantics[labels] + noise, labels, semantics, SEEN[:classes])


def fitted(rows, epochs=6, seed=1, **changes):
    params = BiasAwareParams(**{"batch_size": 50, "hidden": 16, "epochs": epochs, **changes})
    head = BiasAware(params)
    settings = head.settings(HeadSettings(per_class=400, batch_size=9, zsl_epochs=4))
    with torch.no_grad():  # as the evaluator calls it
        return settings, list(head.fit(rows, settings, epochs, torch.Generator().manual_seed(seed), True))


def test_it_is_torchs_own_layers_trained_by_torchs_own_sgd():
    rows = rows_of()
    settings, heads = fitted(rows, dropout=0.0, entropy_weight=0.3)
    random = torch.Generator().manual_seed(1)
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 8))
    for layer in (network[0], network[2], network[4]):
        bound = 1 / math.sqrt(layer.in_features)
        for parameter in (layer.weight, layer.bias):
            parameter.data.uniform_(-bound, bound, generator=random)
    sgd = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=5e-5, nesterov=True)
    permutations = PermutationSampler(len(rows.labels), random, rows.labels.device)
    for epoch in range(6):
        for group in sgd.param_groups:
            group["lr"] = 0.01 * (1 + math.cos(math.pi * (epoch + 1) / 6)) / 2
        for _ in range(3):
            batch = permutations.next(50)
            torch.rand(50, 32, generator=random)
            z = network(rows.features[batch])
            logits = torch.cosine_similarity(z[:, None], rows.semantics[None], dim=2) / 0.05
            log_p = logits.log_softmax(1)
            loss = -log_p[torch.arange(50), rows.labels[batch]].mean()
            for group in (SEEN, ~SEEN):
                entropy = -(log_p.exp() * log_p)[:, group].sum(1)
                inside = group[rows.labels[batch]]
                loss = loss + 0.3 * torch.relu(0.2 + entropy[inside].mean() - entropy[~inside].mean())
            sgd.zero_grad()
            loss.backward()
            sgd.step()
    logits = torch.cosine_similarity(network(rows.features)[:, None], rows.semantics[None], dim=2) / 0.05
    torch.testing.assert_close(heads[-1].scores(rows.features), logits.softmax(1), rtol=1e-3, atol=1e-4)
    assert (settings.epochs, settings.zsl_epochs, settings.batch_size) == (6, 0, 50)


def test_it_takes_the_methods_number_of_features_unless_it_has_its_own():
    assert fitted(rows_of(), epochs=1)[0].per_class == 400
    assert fitted(rows_of(), epochs=1, per_class=7)[0].per_class == 7


def test_it_learns_to_classify():
    rows = rows_of()
    _, heads = fitted(rows, epochs=30, hidden=64)
    assert (heads[-1].scores(rows.features).argmax(1) == rows.labels).double().mean() > 0.9


def test_rows_of_seen_classes_alone_are_fitted_without_entropies():
    rows = rows_of()
    seen_only = HeadData(rows.features, rows.labels, rows.semantics, torch.ones(5, dtype=torch.bool))
    (one,), (other,) = (fitted(seen_only, epochs=1, entropy_weight=w)[1] for w in (0.0, 5.0))
    assert torch.equal(one.scores(rows.features), other.scores(rows.features))
