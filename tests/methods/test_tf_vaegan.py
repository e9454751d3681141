"""TF-VAEGAN: what it adds to f-VAEGAN-D2, against formulas written plainly, and that it adds nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassNoise, TrainView
from gzslbench.plugins.method import Adam
from gzslbench.training.trainer import Trainer
from gzslbench_methods.f_vaegan_d2 import FVaeganParams
from gzslbench_methods.f_vaegan_d2.method import FVaegan
from gzslbench_methods.tf_vaegan import TfVaeganParams
from gzslbench_methods.tf_vaegan.method import TfVaegan, semantic_loss

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, NOISE = 12, 6, 4, 5, 3
SHARED = {
    "epochs": 2,
    "batch_size": 5,
    "critic_iter": 2,
    "lr": 0.01,
    "gamma_d": 3.0,
    "gamma_g": 2.0,
    "adapt_penalty": True,
    "nz": NOISE,
    "ngh": 8,
    "ndh": 7,
    "syn_num": 9,
}
OWN = {"recons_weight": 0.7, "a1": 0.6, "a2": 0.3, "feed_lr": 0.02, "dec_lr": 0.03}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def made(view, **settings):
    torch.manual_seed(1)
    method = TfVaegan(view, TfVaeganParams(**{**SHARED, **OWN, **settings}))
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return method


def without_decoder(method, view):
    """f-VAEGAN-D2 with the networks of ``method``."""
    plain = FVaegan(view, FVaeganParams(**SHARED, encoded_noise=method.params.encoded_noise))
    for name in plain.modules:
        plain.modules[name].load_state_dict(method.modules[name].state_dict())
    return plain


def batch_of(view):
    return Batch(view.features, view.labels, torch.Generator().manual_seed(5))


def attributes(view):
    return torch.stack([row / row.square().sum().sqrt() for row in view.semantics])[view.labels]


def leaky(units):
    return functional.leaky_relu(units, 0.2)


def decoded(method, x):
    """The decoder's hidden layer and its semantics, from its weights."""
    first, bias, out, out_bias = method.decoder.parameters()
    hidden = leaky(x @ first.t() + bias)
    semantics = hidden @ out.t() + out_bias
    return hidden, semantics / semantics.square().sum(1).sqrt().unsqueeze(1)


def generated(method, z, a, share=0.0, shown=None):
    """Features with a share of the feedback, from the generator's weights."""
    by_noise, by_semantics, bias, out, out_bias = method.generator.parameters()
    hidden = leaky(torch.cat([z, a], 1) @ torch.cat([by_noise, by_semantics], 1).t() + bias)
    first, first_bias, second, second_bias = method.feedback.parameters()
    shown = torch.sigmoid(hidden @ out.t() + out_bias) if shown is None else shown
    back = decoded(method, shown)[0].detach()
    back = leaky(leaky(back @ first.t() + first_bias) @ second.t() + second_bias)
    return torch.sigmoid((hidden + share * back) @ out.t() + out_bias)


def test_the_semantic_loss_weighs_each_error_by_its_square_over_their_length():
    torch.manual_seed(0)
    predicted, semantics = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3)
    total = 0.0
    for p, t in zip(predicted, semantics, strict=True):
        weights = (p - t) ** 2 / sum((p[k] - t[k]) ** 2 for k in range(3)).sqrt()
        total = total + sum(weights[k] * abs(p[k] - t[k]) for k in range(3))
    loss = semantic_loss(predicted, semantics)
    torch.testing.assert_close(loss, total / 4)
    torch.testing.assert_close(*(torch.autograd.grad(each, predicted) for each in (loss, total / 4)))


def test_a_row_met_exactly_has_neither_loss_nor_gradient():
    predicted = torch.rand(1, 3).requires_grad_()
    loss = semantic_loss(predicted, predicted.detach().clone())
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, predicted)[0].any()


@pytest.mark.parametrize("encoded_noise", [True, False])
def test_the_first_loop_is_f_vaegan_d2_and_the_decoders_loss(view, encoded_noise):
    method = made(view, encoded_noise=encoded_noise)
    plain = without_decoder(method, view)
    critic, expected = (each.critic_loss(batch_of(view)) for each in (method, plain))
    assert {name: critic[name].item() for name in expected} == {n: v.item() for n, v in expected.items()}
    wanted = attributes(view)
    lost = semantic_loss(decoded(method, view.features)[1], wanted)
    torch.testing.assert_close(critic["semantics"], 0.7 * lost)

    terms, expected = (each.generator_loss(batch_of(view)) for each in (method, plain))
    assert {name: terms[name].item() for name in expected} == {n: v.item() for n, v in expected.items()}
    noise = torch.Generator().manual_seed(5)
    mean, log_variance = method.encoder(view.features, method.semantics, view.labels)
    z = mean + torch.exp(log_variance / 2) * torch.randn(ROWS, NOISE, generator=noise)
    z = z if encoded_noise else torch.randn(ROWS, NOISE, generator=noise)
    lost = semantic_loss(decoded(method, generated(method, z, wanted))[1], wanted)
    torch.testing.assert_close(terms["fake_semantics"], 0.7 * lost)


@pytest.mark.parametrize(
    ("encoded_noise", "variant"), [(True, "reference"), (False, "reference"), (False, "clean")]
)
def test_the_second_loop_feeds_the_decoding_back(view, encoded_noise, variant):
    method, a = made(view, encoded_noise=encoded_noise, variant=variant), attributes(view)
    terms = method.fed_generator_loss(batch_of(view))
    noise = torch.Generator().manual_seed(5)
    mean, log_variance = method.encoder(view.features, method.semantics, view.labels)
    z = mean + torch.exp(log_variance / 2) * torch.randn(ROWS, NOISE, generator=noise)
    fake = again = generated(method, z, a, 0.6)
    if not encoded_noise:
        z = torch.randn(ROWS, NOISE, generator=noise)
        fake = generated(method, z, a, 0.6, again if variant == "reference" else None)
    expected = {
        "reconstruction": functional.binary_cross_entropy(again, view.features, reduction="sum") / ROWS,
        "divergence": 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum() / ROWS,
        "generator": -2.0 * method.critic(fake, method.semantics, view.labels).mean(),
        "fake_semantics": 0.7 * semantic_loss(decoded(method, fake)[1], a),
    }
    torch.testing.assert_close(terms, expected)
    trained = [p for name in ("encoder", "generator", "feedback") for p in method.modules[name].parameters()]
    ours, plain = (torch.autograd.grad(sum(each.values()), trained) for each in (terms, expected))
    torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("encoded_noise", [True, False])
def test_the_critic_of_the_second_loop_judges_fakes_with_feedback(view, encoded_noise):
    method, a = made(view, encoded_noise=encoded_noise), attributes(view)
    terms = method.fed_critic_loss(batch_of(view))
    noise = torch.Generator().manual_seed(5)
    z = torch.randn(ROWS, NOISE, generator=noise)
    if encoded_noise:
        mean, log_variance = method.encoder(view.features, method.semantics, view.labels)
        z = mean + torch.exp(log_variance / 2) * z
    scores = [
        method.critic(x, method.semantics, view.labels).mean()
        for x in (generated(method, z, a, 0.6), view.features)
    ]
    torch.testing.assert_close(terms["critic"], 3.0 * (scores[0] - scores[1]))
    assert terms["semantics"] == method.critic_loss(batch_of(view))["semantics"]


@pytest.mark.parametrize("freeze_dec", [True, False])
def test_each_phase_updates_what_is_published_by_the_optimizer_that_is_published(view, freeze_dec):
    (game,) = made(view, freeze_dec=freeze_dec).stages()
    assert game.loops == 2
    by_name = {phase.name: phase for phase in game.phases}
    assert {name: phase.loop for name, phase in by_name.items()} == {
        "critic": 0,
        "generator": 0,
        "fed_critic": 1,
        "fed_generator": 1,
    }
    halved = (0.5, 0.999)
    critic = {"critic": Adam(0.01, halved), "decoder": Adam(0.03, halved)}
    generator = {"encoder": Adam(0.01), "generator": Adam(0.01, halved)}
    if not freeze_dec:
        generator["decoder"] = Adam(0.03, halved)
    assert by_name["critic"].optimizer == by_name["fed_critic"].optimizer == critic
    assert by_name["generator"].optimizer == generator
    assert by_name["fed_generator"].optimizer == {**generator, "feedback": Adam(0.02, halved)}
    for phase in game.phases:
        assert phase.updates == tuple(phase.optimizer)


def test_a_frozen_decoder_rests_in_the_generators_step_and_feedback_learns_in_the_second_loop(view):
    method = made(view, freeze_dec=True)
    run = Trainer(method, view, seed=0).current
    weights = [method.decoder.out.weight, method.feedback.second.weight]

    def moved(position):
        before = [weight.clone() for weight in weights]
        run.optimizers[position].step(run.sampler.batch())
        return [not torch.equal(*pair) for pair in zip(before, weights, strict=True)]

    assert [moved(position) for position in range(4)] == [
        [True, False],
        [False, False],
        [True, False],
        [False, True],
    ]


def test_synthesis_has_its_own_share_of_the_feedback(view):
    method, semantics = made(view), torch.randn(2, SEMANTICS)
    streams = [torch.Generator().manual_seed(c) for c in range(2)]
    features = method.synthesize(semantics, ClassNoise(streams, 3))
    z = torch.cat([torch.randn(3, NOISE, generator=torch.Generator().manual_seed(c)) for c in range(2)])
    a = functional.normalize(semantics).repeat_interleave(3, dim=0)
    torch.testing.assert_close(features, generated(method, z, a, 0.3).detach())


def test_the_head_sees_the_features_their_decoding_and_the_decoders_hidden_layer(view):
    method = made(view)
    hidden, semantics = decoded(method, view.features)
    torch.testing.assert_close(
        method.embed(view.features), torch.cat([view.features, semantics, hidden], dim=1)
    )
