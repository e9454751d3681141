from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins import HeadData
from gzslbench.plugins.head import HeadSettings
from gzslbench_methods.heads.zlap import ZlapParams
from gzslbench_methods.heads.zlap.head import Zlap, adjusted_loss, cosine_logits, log_priors

SEEN = torch.tensor([True, False, True, True, False])


def naive_priors(labels, seen, ratio):
    rows = [max(1, labels.count(k)) for k in range(len(seen))]
    shares = {True: ratio / (1 + ratio), False: 1 / (1 + ratio)}
    of_group = {group: sum(n for n, s in zip(rows, seen, strict=True) if s == group) for group in shares}
    return [math.log(n / of_group[s] * shares[s]) for n, s in zip(rows, seen, strict=True)]


@given(labels=st.lists(st.integers(0, 4), min_size=1), ratio=st.floats(0.01, 1e4))
def test_priors_are_those_of_counting(labels, ratio):
    priors = log_priors(torch.tensor(labels), SEEN, ratio)
    assert priors.tolist() == pytest.approx(naive_priors(labels, SEEN.tolist(), ratio))
    assert priors.exp().sum().item() == pytest.approx(1)
    seen, unseen = priors.exp()[SEEN].sum(), priors.exp()[~SEEN].sum()
    assert (seen / unseen).item() == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("seen", [True, False])
def test_a_single_group_has_all_the_probability(seen):
    priors = log_priors(torch.tensor([0, 0, 0, 1]), torch.tensor([seen, seen]), 1000.0)
    assert priors.exp().tolist() == pytest.approx([0.75, 0.25])


def test_the_loss_is_that_of_bayes_rule():
    logits, labels = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    priors = torch.rand(5, dtype=torch.float64).log()
    joint = logits.exp() * priors.exp()
    posterior = joint[range(6), labels] / joint.sum(1)
    torch.testing.assert_close(adjusted_loss(logits, priors, labels), -posterior.log().mean())


def test_logits_are_cosines_over_the_temperature():
    one, other = torch.randn(3, 4), torch.randn(2, 4)
    expected = [[torch.cosine_similarity(x, p, dim=0) / 0.5 for p in other] for x in one]
    torch.testing.assert_close(cosine_logits(one, other, 0.5), torch.tensor(expected))


def rows_of(per_class=40, classes=5):
    random = torch.Generator().manual_seed(3)
    semantics = torch.rand(classes, 8, generator=random)
    labels = torch.arange(classes).repeat_interleave(per_class)
    noise = 0.1 * torch.rand(len(labels), 8, generator=random)
    return HeadData(semantics[labels] + noise, labels, semantics, SEEN[:classes])


def fitted(rows, seed=1, epochs=12, **changes):
    params = ZlapParams(**{"batch_size": 50, "lr": 1e-2, "hidden": 32, "lr_halved_at": 6, **changes})
    head = Zlap(params)
    settings = head.settings(HeadSettings(per_class=400, batch_size=9, zsl_epochs=4))
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # as the evaluator calls it
        return settings, list(head.fit(rows, settings, epochs, random, graphs=True))


def published_head(rows, params, epochs, weights, batches):
    """The published program, written from its description with torch's own modules."""
    network = nn.Sequential(
        nn.Linear(rows.semantics.shape[1], params.hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(params.hidden, rows.features.shape[1]),
    )
    for index, layer in enumerate((network[0], network[2])):
        layer.weight.data, layer.bias.data = weights[index].clone(), torch.zeros(len(weights[index]))
    adam = torch.optim.Adam(
        network.parameters(), lr=params.lr, betas=(0.5, 0.999), weight_decay=params.weight_decay
    )
    priors = torch.tensor(naive_priors(rows.labels.tolist(), rows.seen.tolist(), params.seen_ratio))
    for epoch in range(epochs):
        for group in adam.param_groups:
            group["lr"] = params.lr * 0.5 ** (epoch // params.lr_halved_at)
        for batch in batches[epoch]:
            cosines = nn.functional.cosine_similarity(
                rows.features[batch].unsqueeze(1), network(rows.semantics).unsqueeze(0), dim=2
            )
            loss = nn.functional.cross_entropy(cosines / params.temperature + priors, rows.labels[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
    return network(rows.semantics).detach()


def test_the_head_is_the_published_one():
    rows, epochs = rows_of(), 5
    params = ZlapParams(batch_size=50, lr=1e-2, hidden=32, lr_halved_at=2)
    settings = Zlap(params).settings(HeadSettings(per_class=400, batch_size=9, beta1=0.9))
    ours = list(Zlap(params).fit(rows, settings, epochs, torch.Generator().manual_seed(1), graphs=True))

    random = torch.Generator().manual_seed(1)  # the same draws in the same order
    weights = [
        0.02 * torch.randn(32, rows.semantics.shape[1], generator=random),
        0.02 * torch.randn(rows.features.shape[1], 32, generator=random),
    ]
    sampler = PermutationSampler(len(rows.labels), random, torch.device("cpu"))
    batches = [[sampler.next(50) for _ in range(4)] for _ in range(epochs)]
    theirs = published_head(rows, params, epochs, weights, batches)
    torch.testing.assert_close(ours[-1].prototypes, theirs, rtol=1e-4, atol=1e-6)


def test_the_head_learns_its_rows_and_yields_an_epoch_at_a_time():
    rows = rows_of()
    settings, heads = fitted(rows, seen_ratio=1.5)
    assert (settings.per_class, settings.epochs, settings.zsl_epochs) == (10, 60, 0)
    assert len(heads) == 12
    first, last = (
        (head.scores(rows.features).argmax(1) == rows.labels).float().mean() for head in (heads[0], heads[-1])
    )
    assert last > 0.8 > first


def test_the_same_stream_gives_the_same_head_to_the_bit():
    rows = rows_of()
    one, again, other = (fitted(rows, seed, epochs=3)[1][-1].prototypes for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_more_prior_for_the_seen_is_more_of_the_unseen_among_the_predictions():
    rows = rows_of()
    doubtful = rows.features + 0.5 * torch.rand(
        rows.features.shape, generator=torch.Generator().manual_seed(0)
    )
    taken = []
    for ratio in (0.1, 1000.0):
        head = fitted(rows, seen_ratio=ratio)[1][-1]
        taken.append(int((~SEEN)[head.scores(doubtful).argmax(1)].sum()))
    assert taken[0] < taken[1]


def test_a_single_row_and_a_batch_larger_than_the_rows_are_enough():
    rows = rows_of(per_class=1, classes=1)
    assert fitted(rows)[1][-1].scores(rows.features).shape == (1, 1)
