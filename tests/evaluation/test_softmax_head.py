from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins.head import HeadSettings

SETTINGS = HeadSettings(per_class=1, batch_size=7, lr=0.01, beta1=0.5)


def problem(rows: int = 30, dim: int = 5, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    return torch.randn(rows, dim, generator=random), torch.randint(classes, (rows,), generator=random)


def fit(features, labels, classes, settings, epochs, seed=11):
    """Copies of weight and bias after each epoch."""
    random = torch.Generator().manual_seed(seed)
    heads = fit_softmax_head(features, labels, classes, settings, epochs, random)
    return [(head.weight.clone(), head.bias.clone()) for head in heads]


def fit_by_autograd(full_batches, features, labels, classes, settings, epochs, seed=11):
    """The same with torch's own layer, loss and optimizer on the same batches."""
    random = torch.Generator().manual_seed(seed)
    layer = nn.Linear(features.shape[1], classes)
    with torch.no_grad():
        layer.weight.copy_(torch.empty_like(layer.weight).normal_(0, 0.02, generator=random))
        layer.bias.zero_()
    adam = torch.optim.Adam(layer.parameters(), lr=settings.lr, betas=(settings.beta1, 0.999))
    history = []
    batches = full_batches(len(labels), settings.batch_size, random)
    for _ in range(epochs):
        for _ in range(0, len(labels), settings.batch_size):
            rows = next(batches)
            adam.zero_grad()
            nn.functional.cross_entropy(layer(features[rows]), labels[rows]).backward()
            adam.step()
        history.append((layer.weight.detach().clone(), layer.bias.detach().clone()))
    return history


@pytest.mark.parametrize("batch_size", [1, 7, 30, 1000])
def test_it_follows_autograd_and_torch_adam_step_by_step(full_batches, batch_size):
    features, labels = problem()
    settings = replace(SETTINGS, batch_size=batch_size)
    ours = fit(features, labels, 4, settings, 5)
    plain = fit_by_autograd(full_batches, features, labels, 4, settings, 5)
    for (weight, bias), (oracle_weight, oracle_bias) in zip(ours, plain, strict=True):
        torch.testing.assert_close(weight, oracle_weight, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(bias, oracle_bias, atol=1e-5, rtol=1e-4)


def test_no_row_is_missed_in_an_epoch_that_ends_within_the_next_permutation():
    rows = 10
    start = torch.empty(2, rows).normal_(0, 0.02, generator=torch.Generator().manual_seed(11))
    ((weight, _),) = fit(torch.eye(rows), torch.arange(rows) % 2, 2, SETTINGS, 1)
    moved = (weight != start).all(dim=0)  # a column moves when its row, the only one with it, is used
    assert moved.all()


def test_the_same_generator_gives_the_same_head_to_the_bit():
    features, labels = problem()
    first, again = (fit(features, labels, 4, SETTINGS, 3)[-1] for _ in range(2))
    other = fit(features, labels, 4, SETTINGS, 3, seed=12)[-1]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_fewer_epochs_are_the_beginning_of_more():
    features, labels = problem()
    few, many = fit(features, labels, 4, SETTINGS, 2), fit(features, labels, 4, SETTINGS, 5)
    assert all(torch.equal(a, b) for a, b in zip(few[-1], many[1], strict=True))


def test_the_global_random_state_does_not_change():
    state = torch.get_rng_state()
    fit(*problem(), 4, SETTINGS, 2)
    assert torch.equal(torch.get_rng_state(), state)


def test_no_graph_is_kept():
    features, labels = problem()
    (head,) = fit_softmax_head(features, labels, 4, SETTINGS, 1, torch.Generator())
    assert not head.weight.requires_grad
    assert head.scores(features).grad_fn is None


def test_separable_classes_are_learnt():
    features, labels = torch.eye(6).repeat(10, 1), torch.arange(6).repeat(10)
    *_, head = fit_softmax_head(features, labels, 6, SETTINGS, 20, torch.Generator().manual_seed(0))
    assert torch.equal(head.scores(features).argmax(dim=1), labels)


def test_a_single_class_and_a_single_row():
    (head,) = fit_softmax_head(
        torch.ones(1, 2), torch.zeros(1, dtype=torch.int64), 1, SETTINGS, 1, torch.Generator()
    )
    assert head.scores(torch.ones(3, 2)).shape == (3, 1)
    assert torch.isfinite(head.weight).all()
