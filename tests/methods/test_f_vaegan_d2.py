"""f-VAEGAN-D2: its losses against their formulas. test_plain.py holds its training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gzslbench.errors import DataError
from gzslbench.plugins import Batch, ClassNoise, TrainView
from gzslbench.training.trainer import Trainer
from gzslbench_methods.f_vaegan_d2 import FVaeganParams
from gzslbench_methods.f_vaegan_d2.method import FVaegan, divergence_loss, reconstruction_loss
from gzslbench_methods.vaegan import Encoder, PenaltyWeight

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, NOISE, SEED = 13, 6, 4, 5, 3, 3
SETTINGS = {
    "epochs": 3,
    "batch_size": 5,
    "critic_iter": 2,
    "lr": 0.01,
    "gamma_d": 3.0,
    "gamma_g": 2.0,
    "lambda_gp": 4.0,
    "nz": NOISE,
    "ngh": 8,
    "ndh": 7,
    "syn_num": 9,
}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def made(view, **settings):
    torch.manual_seed(1)
    method = FVaegan(view, FVaeganParams(**{**SETTINGS, **settings}))
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return method


def batch_of(view):
    return Batch(view.features, view.labels, torch.Generator().manual_seed(5))


def test_reconstruction_is_the_cross_entropy_of_every_feature_summed():
    torch.manual_seed(0)
    logits, features = torch.randn(4, 3), torch.rand(4, 3)
    total = 0.0
    for z, x in zip(logits.flatten().tolist(), features.flatten().tolist(), strict=True):
        y = 1 / (1 + math.exp(-z))
        total -= x * math.log(y) + (1 - x) * math.log(1 - y)
    assert reconstruction_loss(logits, features).item() == pytest.approx(total / 4)


def test_divergence_is_that_of_the_normal_distributions():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    own = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    prior = torch.distributions.Normal(torch.zeros(4, 3), torch.ones(4, 3))
    expected = torch.distributions.kl_divergence(own, prior).sum(1).mean()
    torch.testing.assert_close(divergence_loss(mean, log_variance), expected)


def test_a_code_has_the_mean_and_the_deviation_of_its_row():
    torch.manual_seed(0)
    encoder, many = Encoder(FEATURES, SEMANTICS, 8, NOISE), 20000
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    batch = Batch(torch.rand(1, FEATURES).expand(many, -1), torch.zeros(many).long(), torch.Generator())
    mean, log_variance, noise = encoder.code(batch, torch.randn(1, SEMANTICS))
    deviation = torch.exp(log_variance[0] / 2)
    torch.testing.assert_close(noise.std(0), deviation, rtol=0.03, atol=0)
    assert ((noise.mean(0) - mean[0]).abs() < 0.03 * deviation).all()


@pytest.mark.parametrize(
    ("penalties", "expected"),
    [((1.0, 1.2), 11.0), ((1.0, 1.0), 10 / 1.1), ((1.04, 1.04), 10.0), ((0.0, 3.0), 11.0)],
)
def test_the_penaltys_weight_follows_the_mean_penalty_of_an_iteration(penalties, expected):
    weight = PenaltyWeight(10.0)
    for penalty in penalties:
        weight.note(torch.tensor(penalty))
    weight.adapt(2)
    assert weight.value.item() == pytest.approx(expected)
    weight.note(torch.tensor(2.06))  # what was noted before is forgotten
    weight.adapt(2)
    assert weight.value.item() == pytest.approx(expected)


def test_a_resumed_run_continues_with_its_weight(view):
    def trainer():
        return Trainer(made(view, adapt_penalty=True), view, SEED)

    whole, first, second = trainer(), trainer(), trainer()
    list(whole.epochs())
    iterations = iter(range(100))
    list(first.epochs(stop=lambda: next(iterations) >= 4))
    second.load_state_dict(first.state_dict())
    list(second.epochs())
    expected, got = (each.method.modules.state_dict() for each in (whole, second))
    assert expected["penalty.value"] != SETTINGS["lambda_gp"]
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_features_outside_the_unit_interval_are_refused(view):
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        made(TrainView(view.features * 2, view.labels, view.semantics))


def test_synthesized_features_lie_in_the_unit_interval_for_semantics_of_any_length(view):
    method, semantics = made(view), torch.randn(2, SEMANTICS)

    def synthesized(rows):
        streams = [torch.Generator().manual_seed(c) for c in range(2)]
        return method.synthesize(rows, ClassNoise(streams, 7))

    features = synthesized(semantics)
    assert features.shape == (14, FEATURES) and 0 <= features.min() and features.max() <= 1
    torch.testing.assert_close(synthesized(3 * semantics), features)


def test_loss_weights_scale_their_terms(view):
    one, other = made(view, gamma_d=1.0, gamma_g=1.0), made(view, gamma_d=3.0, gamma_g=2.0)
    terms, weighted = one.critic_loss(batch_of(view)), other.critic_loss(batch_of(view))
    for name in ("critic", "penalty"):
        torch.testing.assert_close(weighted[name], 3 * terms[name])
    terms, weighted = one.generator_loss(batch_of(view)), other.generator_loss(batch_of(view))
    torch.testing.assert_close(weighted["generator"], 2 * terms["generator"])
    assert weighted["reconstruction"] == terms["reconstruction"]
    assert weighted["divergence"] == terms["divergence"]
