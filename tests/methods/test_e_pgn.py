"""E-PGN's losses against numpy, row by row, and what its steps move."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.e_pgn import EpgnParams
from gzslbench_methods.e_pgn.method import Epgn, log_magnitude, refining_loss, squared_distances

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS = 9, 6, 4, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.rand(CLASSES, SEMANTICS))


def make(view, **settings):
    """With first weights large enough that every path matters, and without dropout."""
    torch.manual_seed(1)
    method = Epgn(view, EpgnParams(hidden=7, critic_hidden=8, dropout=0.0, critic_dropout=0.0, **settings))
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return method


def batch_of(view):
    return Batch(view.features, view.labels, torch.Generator())


def layer(x, linear):
    return x @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()


def relu(x):
    return np.maximum(x, 0)


def by_numpy(method, view):
    """Features, semantics, prototypes, inferred semantics, and both scores before their end, of the rows."""
    x, a = view.features.numpy(), view.semantics.numpy()[view.labels.numpy()]
    prototypes = relu(layer(np.tanh(layer(a, method.prototypes[0])), method.prototypes[2]))
    hidden = {"tanh": np.tanh, "relu": relu}[method.params.activation](layer(x, method.inference.first))
    inferred = relu(layer(hidden, method.inference.second))

    def score(discriminator, features, semantics):
        middle = relu(layer(np.concatenate([features, semantics], axis=1), discriminator.first))
        return layer(middle, discriminator.second)[:, 0]

    return (
        x,
        a,
        prototypes,
        inferred,
        score(method.of_real, x, a),
        score(method.of_fake, prototypes, inferred),
    )


def surprise(logits, labels):
    return np.mean(
        [np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, labels, strict=True)]
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_base_loss_rebuilds_and_classifies_in_both_spaces(view, activation):
    method = make(view, activation=activation)
    x, a, prototypes, inferred, *_ = by_numpy(method, view)
    semantics, labels = view.semantics.numpy(), view.labels.numpy()
    all_prototypes = relu(layer(np.tanh(layer(semantics, method.prototypes[0])), method.prototypes[2]))
    found = {name: value.item() for name, value in method.base_loss(batch_of(view)).items()}
    assert found == pytest.approx(
        {
            "features": np.mean((x - prototypes) ** 2),
            "semantics": np.mean((a - inferred) ** 2),
            "class": surprise(x @ all_prototypes.T, labels),
            "class_by_semantics": surprise(inferred @ semantics.T, labels),
        }
    )


def test_the_clean_discriminator_is_a_logistic_regression_of_real_against_fake(view):
    method = make(view, variant="clean")
    *_, real, fake = by_numpy(method, view)
    found = method.discriminator_loss(batch_of(view))
    assert found["real"].item() == pytest.approx(np.mean(np.log1p(np.exp(-real))))
    assert found["fake"].item() == pytest.approx(np.mean(np.log1p(np.exp(fake))))
    (adversary,) = method.adversary_loss(batch_of(view)).values()
    assert adversary.item() == pytest.approx(np.mean(np.log1p(np.exp(-fake))))


def test_the_reference_takes_logarithms_of_scores_that_a_relu_ends(view):
    method = make(view)
    x, _, prototypes, _, real, fake = by_numpy(method, view)

    def log(values):
        return np.log(np.maximum(np.abs(values), 1e-8))

    found = method.discriminator_loss(batch_of(view))
    assert found["real"].item() == pytest.approx(-np.mean(log(relu(real))))
    assert found["fake"].item() == pytest.approx(-np.mean(log(1 - relu(fake))))
    found = method.adversary_loss(batch_of(view))
    mixture = np.mean(1e-3 * ((x - prototypes) ** 2).sum(1) + 1e-3 * log(relu(real)))
    assert found["mixture"].item() == pytest.approx(log(mixture))


@pytest.mark.parametrize("value", [0.3, -0.3, 2.0, -5.0])
def test_the_logarithm_of_a_magnitude_has_the_gradient_of_the_logarithm(value):
    at = torch.tensor(value, requires_grad=True)
    log_magnitude(at).backward()
    assert at.grad.item() == pytest.approx(1 / value)


def test_the_logarithm_of_zero_is_finite_and_has_no_gradient():
    at = torch.zeros((), requires_grad=True)
    found = log_magnitude(at)
    found.backward()
    assert found.isfinite() and at.grad.item() == 0


@pytest.mark.parametrize("over", ["classes", "rows"])
def test_the_refining_loss_compares_prototypes_for_a_row_or_rows_for_a_prototype(view, over):
    torch.manual_seed(2)
    prototypes = torch.rand(CLASSES, FEATURES)
    distances = np.array([[np.mean((x - p) ** 2) for p in prototypes.numpy()] for x in view.features.numpy()])
    torch.testing.assert_close(squared_distances(view.features, prototypes), torch.from_numpy(distances))
    chances = np.exp(-distances) / np.exp(-distances).sum(1 if over == "classes" else 0, keepdims=True)
    expected = -np.mean(np.log(chances[np.arange(ROWS), view.labels.numpy()]))
    assert refining_loss(view.features, prototypes, view.labels, over).item() == pytest.approx(expected)


def test_a_row_belongs_to_the_nearest_prototype(view):
    method = make(view)
    unseen = torch.rand(3, SEMANTICS)
    made = method.prototypes(unseen)
    nearest = torch.stack([(made - x).norm(dim=1) for x in view.features])
    torch.testing.assert_close(method.scores(view.features, unseen), -nearest)


def test_every_published_adversarial_step_moves_all_networks_and_the_clean_ones_take_turns(view):
    def moved(variant):
        (stage,) = make(view, variant=variant).stages()
        return {phase.name: set(phase.updates) for phase in stage.phases}

    everything = {"prototypes", "inference", "discriminators"}
    reference, clean = moved("reference"), moved("clean")
    assert reference["discriminator"] == reference["adversary"] == everything
    assert clean["discriminator"] == {"discriminators"}
    assert clean["adversary"] == everything - {"discriminators"}
    assert reference["refine"] == clean["refine"] == {"prototypes"}
    assert len(make(view).modules["discriminators"]) == 2
    assert len(make(view, variant="clean").modules["discriminators"]) == 1


def test_the_first_weights_are_those_of_the_published_program(view):
    torch.manual_seed(3)
    method = Epgn(view, EpgnParams(hidden=2000))
    weight, bias = method.prototypes[0].weight, method.prototypes[0].bias
    assert (bias == 0.01).all() and weight.abs().max() <= 0.02
    # A normal cut at two deviations has 0.88 of its deviation.
    assert weight.std().item() == pytest.approx(0.0088, rel=0.03)
