"""FREE: what it adds to f-VAEGAN-D2, against formulas written plainly, and that it adds nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench.plugins.method import Adam
from gzslbench.training.trainer import Trainer
from gzslbench_methods.f_vaegan_d2 import FVaeganParams
from gzslbench_methods.f_vaegan_d2.method import FVaegan
from gzslbench_methods.free import FreeParams
from gzslbench_methods.free.method import Free, center_loss
from gzslbench_methods.tf_vaegan.method import semantic_loss

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
OWN = {
    "recons_weight": 0.7,
    "center_weight": 0.6,
    "center_margin": 1.5,
    "incenter_weight": 0.4,
    "dec_lr": 0.03,
}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def made(view, **settings):
    torch.manual_seed(1)
    method = Free(view, FreeParams(**{**SHARED, **OWN, **settings}))
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return method


def without_refinement(method, view):
    """f-VAEGAN-D2 with the networks of ``method``."""
    plain = FVaegan(view, FVaeganParams(**SHARED, encoded_noise=method.params.encoded_noise))
    for name in plain.modules:
        plain.modules[name].load_state_dict(method.modules[name].state_dict())
    return plain


def batch_of(view):
    return Batch(view.features, view.labels, torch.Generator().manual_seed(5))


def refined(method, x):
    """Hidden layer, mean and deviation, from the refinement's weights."""
    first, bias, out, out_bias = method.refinement.parameters()
    hidden = functional.leaky_relu(x @ first.t() + bias, 0.2)
    latent = hidden @ out.t() + out_bias
    return hidden, latent[:, :SEMANTICS], 1 / (1 + torch.exp(-latent[:, SEMANTICS:]))


def semantic(method, x, draw):
    _, mean, deviation = refined(method, x)
    expected = 1 / (1 + torch.exp(-(mean + deviation * draw)))
    return 0.7 * semantic_loss(expected, method.semantics.repeat(ROWS // CLASSES, 1))


def centers_one_by_one(latent, centers, labels, margin, own_share, others):
    total = 0.0
    for i, label in enumerate(labels.tolist()):
        distances = [((latent[i] - center) ** 2).sum() for center in centers]
        other = (
            min(d for k, d in enumerate(distances) if k != label) if others is None else distances[others[i]]
        )
        total = total + max(margin + own_share * distances[label] - (1 - own_share) * other, 0 * other)
    return total / len(labels)


@pytest.mark.parametrize("margin", [0.1, 2.0])
@pytest.mark.parametrize("nearest", [True, False])
def test_the_center_loss_is_the_hinge_of_each_row(nearest, margin):
    torch.manual_seed(0)
    latent, centers = torch.randn(9, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    labels = torch.arange(9) % 4
    others = None if nearest else torch.randint(0, 4, (9,))
    loss = center_loss(latent, centers, labels, margin, 0.4, others)
    plain = centers_one_by_one(latent, centers, labels, margin, 0.4, others)
    torch.testing.assert_close(loss, plain)
    ours, theirs = (torch.autograd.grad(each, [latent, centers]) for each in (loss, plain))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("other_center", ["random", "nearest"])
def test_the_critics_step_adds_both_losses_of_real_features(view, other_center):
    method = made(view, other_center=other_center)
    batch, plain_batch = batch_of(view), batch_of(view)
    terms, expected = method.critic_loss(batch), without_refinement(method, view).critic_loss(plain_batch)
    assert {name: terms[name].item() for name in expected} == {n: v.item() for n, v in expected.items()}
    others = None
    if other_center == "random":
        steps = torch.floor(plain_batch.uniform(ROWS) * CLASSES).long()
        others = (view.labels + steps) % CLASSES
        assert others.unique().tolist() == list(range(CLASSES))
    center = centers_one_by_one(
        refined(method, view.features)[1], method.centers.weight, view.labels, 1.5, 0.4, others
    )
    torch.testing.assert_close(terms["center"], 0.6 * center)
    draw = plain_batch.normal(ROWS, SEMANTICS)
    torch.testing.assert_close(terms["semantics"], semantic(method, view.features, draw))


@pytest.mark.parametrize("encoded_noise", [True, False])
def test_the_generators_step_adds_the_semantic_loss_of_the_fakes(view, encoded_noise):
    method = made(view, encoded_noise=encoded_noise)
    plain = without_refinement(method, view)
    terms, expected = (each.generator_loss(batch_of(view)) for each in (method, plain))
    assert {name: terms[name].item() for name in expected} == {n: v.item() for n, v in expected.items()}
    noise = batch_of(view)
    z = method.encoder.code(noise, method.semantics).noise
    z = z if encoded_noise else noise.normal(ROWS, NOISE)
    fake = torch.sigmoid(method.generator(z, method.semantics, view.labels))
    draw = noise.normal(ROWS, SEMANTICS)
    torch.testing.assert_close(terms["fake_semantics"], semantic(method, fake, draw))


@pytest.mark.parametrize("freeze_dec", [True, False])
@pytest.mark.parametrize("variant", ["reference", "clean"])
def test_each_phase_updates_what_is_published_by_the_optimizer_that_is_published(view, variant, freeze_dec):
    (game,) = made(view, variant=variant, freeze_dec=freeze_dec).stages()
    critic, generator = game.phases
    halved = (0.5, 0.999)
    refinement = {"refinement": Adam(0.03, halved)}
    assert critic.optimizer == {"critic": Adam(0.01, halved), **refinement, "centers": Adam(0.01, halved)}
    own = {"encoder": Adam(0.01), "generator": Adam(0.01, halved)}
    assert generator.optimizer == (own if freeze_dec else {**own, **refinement})
    assert (critic.repeats, game.loops) == (2, 2)
    kept = (("centers",), "stage") if variant == "reference" else ((), "epoch")
    assert (critic.keep_gradients, critic.kept_for) == kept


def test_a_frozen_step_is_a_step_of_adam_on_zero_gradients(view):
    """The refinement alone, stepped by plain Adam: on each critic's gradient, then on zeros."""
    method = made(view, freeze_dec=True, frozen_step=True)
    refinement = [copy.deepcopy(p.detach()).requires_grad_() for p in method.refinement.parameters()]
    adam = torch.optim.Adam(refinement, lr=0.03, betas=(0.5, 0.999))
    calls = []

    def watch(loss, phase):
        def wrapped(batch):
            terms = loss(batch)
            total = sum(terms.values())
            parameters = list(method.refinement.parameters())
            calls.append((phase, torch.autograd.grad(total, parameters, retain_graph=True)))
            return terms

        return wrapped

    method.critic_loss = watch(method.critic_loss, "critic")
    method.generator_loss = watch(method.generator_loss, "generator")
    for _ in Trainer(method, view, seed=0).epochs():
        pass
    assert [phase for phase, _ in calls[:6]] == ["critic", "critic", "generator"] * 2
    for phase, gradients in calls:
        for parameter, gradient in zip(refinement, gradients, strict=True):
            assert phase == "critic" or not gradient.any()
            parameter.grad = gradient
        adam.step()
    for parameter, expected in zip(method.refinement.parameters(), refinement, strict=True):
        torch.testing.assert_close(parameter.detach(), expected.detach(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("variant", ["reference", "clean"])
def test_the_centers_gradients_add_up_over_the_whole_run_where_published(view, variant):
    """Only the centres, stepped by plain Adam; all else is as in the trainer."""
    method = made(view, variant=variant)
    centers = copy.deepcopy(method.centers.weight.detach()).requires_grad_()
    adam = torch.optim.Adam([centers], lr=0.01, betas=(0.5, 0.999))
    (game,) = method.stages()
    steps = []

    def watched(batch):
        terms = Free.critic_loss(method, batch)
        (gradient,) = torch.autograd.grad(terms["center"], method.centers.weight, retain_graph=True)
        steps.append(gradient)
        return terms

    method.critic_loss = watched
    for _ in Trainer(method, view, seed=0).epochs():
        pass
    assert len(steps) == game.epochs * game.loops * 3 * 2
    for position, gradient in enumerate(steps):
        centers.grad = sum(steps[: position + 1]) if variant == "reference" else gradient
        adam.step()
    torch.testing.assert_close(method.centers.weight.detach(), centers.detach(), rtol=1e-6, atol=1e-9)


def test_a_resumed_run_continues_with_its_kept_gradients(view):
    def trainer():
        return Trainer(made(view), view, seed=0)

    whole, first, second = trainer(), trainer(), trainer()
    list(whole.epochs())
    iterations = iter(range(100))
    list(first.epochs(stop=lambda: next(iterations) >= 8))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    list(second.epochs())
    expected, got = (each.method.modules.state_dict() for each in (whole, second))
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_the_head_sees_the_features_the_hidden_layer_and_the_semantics_expected(view):
    method = made(view)
    hidden, mean, _ = refined(method, view.features)
    expected = torch.cat([view.features, hidden, torch.sigmoid(mean)], dim=1)
    torch.testing.assert_close(method.embed(view.features), expected)
    assert torch.equal(method.embed(view.features), method.embed(view.features))
