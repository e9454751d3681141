"""SDGZSL's networks and losses against loops and torch's own, and the order of its steps."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from gzslbench.plugins import Batch, ClassNoise, TrainView
from gzslbench.plugins.presets import preset
from gzslbench.training.trainer import StageRun
from gzslbench_methods.layers import dropout
from gzslbench_methods.sdgzsl import SPEC, SdgzslParams
from gzslbench_methods.sdgzsl.method import (
    NETWORKS,
    RelationNetwork,
    Sdgzsl,
    autoencoder_loss,
    correlation_loss,
    discriminator_loss,
    permuted,
    prior_loss,
    reconstruction_loss,
    relation_loss,
)

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, HALF = 11, 6, 4, 5, 3
SMALL = {"hidden": 8, "code": 5, "latent": 2, "s_dim": HALF, "kl_warmup": 0.1, "tc_warmup": 0.05}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 1, 3, 0, 0, 3, 1, 2, 0, 3])
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


@pytest.fixture
def made(view):
    def build(**settings):
        torch.manual_seed(1)
        return Sdgzsl(view, SdgzslParams(**{**SMALL, **settings}))

    return build


def leaky(x):
    return functional.leaky_relu(x, 0.2)


def batch_of(view, epoch=0, rows=slice(None)):
    noise = torch.Generator().manual_seed(5)
    return Batch(view.features[rows], view.labels[rows], noise, torch.tensor(float(epoch)))


@pytest.mark.parametrize("rows", [range(ROWS), [1, 2, 3, 7]], ids=["all classes", "some classes"])
def test_relations_are_compared_with_the_distinct_classes_of_the_batch(view, rows):
    rows = list(rows)
    network, labels = RelationNetwork(HALF, SEMANTICS, 8), view.labels[rows]
    halves, distinct = torch.randn(len(rows), HALF), sorted(set(labels.tolist()))
    total = 0.0
    for half, label in zip(halves, labels.tolist(), strict=True):
        for c in distinct:
            hidden = functional.relu(network.pair(torch.cat([half, view.semantics[c]])))
            total += (torch.sigmoid(network.out(hidden)).squeeze() - float(c == label)) ** 2
    relations = network(halves, view.semantics[labels])
    torch.testing.assert_close(relation_loss(relations, labels), total / (len(rows) * len(distinct)))


def test_the_divergence_from_the_prior_is_that_of_normal_distributions():
    torch.manual_seed(2)
    mean, variance = torch.randn(ROWS, 3), torch.rand(ROWS, 3) + 0.1
    expected = kl_divergence(Normal(mean, variance.sqrt()), Normal(torch.zeros(()), torch.ones(())))
    torch.testing.assert_close(prior_loss(mean, variance), expected.sum() / ROWS)


def test_reconstructions_are_summed_over_columns_for_the_vae_and_averaged_for_the_autoencoder(view):
    decoded = torch.rand(ROWS, FEATURES)
    total = sum((x - y) ** 2 for x, y in zip(view.features.flatten(), decoded.flatten(), strict=True))
    torch.testing.assert_close(reconstruction_loss(view.features, decoded), total / ROWS)
    torch.testing.assert_close(autoencoder_loss(view.features, decoded), total / (ROWS * FEATURES))


def test_the_discriminator_classifies_pairs_and_the_correlation_is_its_score():
    torch.manual_seed(3)
    together, apart = torch.randn(ROWS, 2), torch.randn(ROWS, 2)
    zeros, ones = torch.zeros(ROWS, dtype=torch.long), torch.ones(ROWS, dtype=torch.long)
    expected = functional.cross_entropy(together, zeros) + functional.cross_entropy(apart, ones)
    torch.testing.assert_close(discriminator_loss(together, apart), expected)
    ratio = [math.log(p[0] / p[1]) for p in together.softmax(1).tolist()]
    assert correlation_loss(together).item() == pytest.approx(sum(ratio) / ROWS)


def test_permuted_halves_are_the_same_halves_in_two_orders():
    halves = torch.arange(4.0)[:, None] + torch.tensor([[0.0, 100.0]])
    mixed = permuted(halves, torch.tensor([0.3, 0.1, 0.4, 0.2]), torch.tensor([0.9, 0.8, 0.1, 0.2]))
    assert mixed.tolist() == [[1.0, 102.0], [3.0, 103.0], [0.0, 101.0], [2.0, 100.0]]


def test_dropout_keeps_the_mean_and_does_nothing_without_a_batch(view):
    values = torch.full((300, 200), 2.0)
    kept = dropout(values, 0.3, batch_of(view))
    assert set(kept.unique().tolist()) == {0.0, 2.0 / 0.7}
    assert (kept == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropout(values, 0.3, None) is values


@pytest.mark.parametrize("variant", ["reference", "clean"])
def test_the_loss_without_dropout_is_that_of_the_formulas(made, view, variant):
    method = made(variant=variant, vae_enc_drop=0.0, vae_dec_drop=0.0, ae_drop=0.0, ga=3.0, beta=0.7)
    epoch, semantics, p = 2, view.semantics[view.labels], method.params
    terms = method.correlated_loss(batch_of(view, epoch))
    noise = torch.Generator().manual_seed(5)
    e, d, a = method.encoder, method.decoder, method.autoencoder
    code = e.third(leaky(e.second(leaky(e.first(torch.cat([view.features, semantics], 1))))))
    keep = (torch.rand(ROWS, 2, generator=noise) >= 0.2) / 0.8
    mean, variance = e.mean(code), functional.softplus(e.variance(code) * keep)
    z = mean + variance.sqrt() * torch.randn(ROWS, 2, generator=noise)

    def normalized(x):
        added = 0.8 if variant == "reference" else 1e-5
        return (x - x.mean(0)) / (x.var(0, correction=0) + added).sqrt()

    hidden = normalized(d.second(leaky(d.first(torch.cat([z, semantics], 1)))))
    decoded = leaky(d.out(leaky(normalized(d.third(hidden)))))
    expected = {
        "features": reconstruction_loss(view.features, decoded),
        "prior": 0.1 * epoch * (1 + p.dis_steps) * prior_loss(mean, variance),
        "correlation": 0.0,
    }
    for name, rows in (("decoded", decoded), ("real", view.features)):
        halves = leaky(a.halves(rows))
        relations = method.relation(halves[:, :HALF], semantics)
        expected[f"{name}_relation"] = 3.0 * relation_loss(relations, view.labels)
        expected[f"{name}_back"] = (leaky(a.out(leaky(a.back(halves)))) - view.features).square().mean()
        scores = method.discriminator(halves)
        scores = scores.sigmoid() if variant == "reference" else scores
        weight = 0.7 * 0.05 * epoch * (1 + p.dis_steps)
        expected["correlation"] = expected["correlation"] + weight * (scores[:, 0] - scores[:, 1]).mean()
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)


def test_no_correlation_counts_in_the_step_after_the_discriminators(made, view):
    method = made(dis_steps=3)
    discriminator, apart, networks = method.stages()[0].phases
    assert (discriminator.repeats, apart.repeats, networks.repeats) == (1, 1, 3)
    assert discriminator.fresh_batch and not apart.fresh_batch and networks.fresh_batch
    assert discriminator.updates == ("discriminator",) and apart.updates == networks.updates == NETWORKS
    assert set(networks.loss(batch_of(view))) - set(apart.loss(batch_of(view))) == {"correlation"}


def test_the_discriminators_loss_trains_only_the_discriminator(made, view):
    method = made()
    sum(method.discriminator_loss(batch_of(view)).values()).backward()
    trained = {
        name
        for name, network in method.modules.items()
        if any(p.grad is not None for p in network.parameters())
    }
    assert trained == {"discriminator"}


def test_the_head_sees_the_first_half_and_no_dropout(made, view):
    method = made()
    run = StageRun(method.stages()[0], method, view, seed=1)
    run.iterate()
    method.modules.eval()
    with torch.no_grad():
        features = method.synthesize(view.semantics, ClassNoise([torch.Generator()] * CLASSES, 3))
        halves = method.embed(features)
        assert torch.equal(halves, method.embed(features))
        expected = functional.leaky_relu(method.autoencoder.halves(features), 0.2)[:, :HALF]
    assert features.shape == (CLASSES * 3, FEATURES)
    torch.testing.assert_close(halves, expected)


@pytest.mark.parametrize(
    ("dataset", "semantics", "passes", "expected"),
    [
        ("AWA2", "att", 220, {"ga": 0.5, "dis": 0.3, "syn_num": 5000, "s_dim": 1024, "lr": 3e-5}),
        ("CUB", "att", 600, {"ga": 5.0, "beta": 0.003, "syn_num": 1000, "s_dim": 2048, "ae_drop": 0.0}),
        ("CUB", "sent", 400, {"ga": 3.0, "beta": 0.3, "s_dim": 312, "classifier_lr": 0.005}),
        ("FLO", "att", 400, {"ga": 3.0, "beta": 0.1, "dis": 0.1, "kl_warmup": 0.001, "s_dim": 2048}),
        ("SUN", "att", 400, {"ga": 30.0, "beta": 0.3, "dis": 0.5, "syn_num": 400, "lr": 3e-4}),
        ("APY", "att", 400, {"ga": 0.1, "s_dim": 128, "head_epochs": 20, "kl_warmup": 0.02}),
    ],
)
def test_presets_hold_the_published_numbers(dataset, semantics, passes, expected):
    params = SdgzslParams(**preset(SPEC, dataset, semantics).values)
    assert {name: getattr(params, name) for name in expected} == expected
    assert abs(params.epochs * (1 + params.dis_steps) - passes) <= (1 + params.dis_steps) / 2
