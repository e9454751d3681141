from __future__ import annotations

import pytest
import torch
from torch import nn

from gzslbench.plugins import ClassNoise
from gzslbench_methods.layers import embed_per_class, linear
from gzslbench_methods.wgan import Critic, Generator, critic_terms, synthesize

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, NOISE = 7, 6, 4, 3, 2


@pytest.fixture
def critic():
    torch.manual_seed(0)
    critic = Critic(FEATURES, SEMANTICS, hidden=9)
    for parameter in critic.parameters():
        nn.init.normal_(parameter)
    return critic


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return {
        "real": torch.rand(ROWS, FEATURES),
        "fake": torch.rand(ROWS, FEATURES),
        "semantics": torch.randn(CLASSES, SEMANTICS),
        "labels": torch.randint(0, CLASSES, (ROWS,)),
        "mix": torch.rand(ROWS, 1),
    }


def on_concatenation(critic, features, semantics, labels):
    """The critic as it is published: one first layer over [x; a]."""
    weight = torch.cat([critic.from_features.weight, critic.from_semantics.weight], dim=1)
    units = torch.cat([features, semantics[labels]], dim=1) @ weight.t() + critic.from_semantics.bias
    return nn.functional.leaky_relu(units, 0.2) @ critic.out.weight[0]


def penalty_by_double_backward(critic, real, fake, semantics, labels, mix):
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    scores = on_concatenation(critic, between, semantics, labels)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def test_closed_form_penalty_and_its_gradients_are_those_of_double_backward(critic, batch):
    ours = critic_terms(critic, **batch, weight=10.0)["penalty"]
    plain = 10.0 * penalty_by_double_backward(critic, **batch)
    torch.testing.assert_close(ours, plain)
    weights = [critic.from_features.weight, critic.out.weight]
    torch.testing.assert_close(torch.autograd.grad(ours, weights), torch.autograd.grad(plain, weights))


def test_all_critic_terms_together_give_the_published_gradients(critic, batch):
    ours = sum(critic_terms(critic, **batch, weight=10.0).values())
    real, fake, semantics, labels = (batch[name] for name in ("real", "fake", "semantics", "labels"))
    plain = (
        on_concatenation(critic, fake, semantics, labels).mean()
        - on_concatenation(critic, real, semantics, labels).mean()
        + 10.0 * penalty_by_double_backward(critic, **batch)
    )
    torch.testing.assert_close(ours, plain)
    parameters = list(critic.parameters())
    torch.testing.assert_close(torch.autograd.grad(ours, parameters), torch.autograd.grad(plain, parameters))


def test_critic_scores_the_concatenation_of_features_and_semantics(critic, batch):
    arguments = batch["real"], batch["semantics"], batch["labels"]
    torch.testing.assert_close(critic(*arguments), on_concatenation(critic, *arguments))


@pytest.mark.parametrize("rows", [CLASSES - 1, CLASSES, CLASSES + 5])
def test_layer_of_labels_is_the_same_for_fewer_and_more_rows_than_classes(rows):
    torch.manual_seed(0)
    layer, semantics = linear(SEMANTICS, 5), torch.randn(CLASSES, SEMANTICS)
    labels = torch.randint(0, CLASSES, (rows,))
    plain = semantics[labels] @ layer.weight.t() + layer.bias
    torch.testing.assert_close(embed_per_class(layer, semantics, labels), plain)


def test_weights_start_normal_with_deviation_a_fiftieth_and_biases_at_zero():
    torch.manual_seed(0)
    layer = linear(300, 400)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=2e-4)
    assert not layer.bias.any()


def test_generator_reads_the_concatenation_of_noise_and_semantics_and_is_never_negative():
    torch.manual_seed(0)
    network = Generator(NOISE, SEMANTICS, hidden=8, features=FEATURES)
    noise, semantics = torch.randn(ROWS, NOISE), torch.randn(CLASSES, SEMANTICS)
    labels = torch.randint(0, CLASSES, (ROWS,))
    weight = torch.cat([network.from_noise.weight, network.from_semantics.weight], dim=1)
    units = torch.cat([noise, semantics[labels]], dim=1) @ weight.t() + network.from_semantics.bias
    plain = (nn.functional.leaky_relu(units, 0.2) @ network.out.weight.t() + network.out.bias).clamp(min=0)
    torch.testing.assert_close(network(noise, semantics, labels), plain)


def test_synthesized_rows_lie_class_by_class_and_do_not_depend_on_the_calls_they_come_in():
    torch.manual_seed(0)
    network = Generator(NOISE, SEMANTICS, hidden=8, features=FEATURES)
    semantics = torch.randn(CLASSES, SEMANTICS)

    def streams():
        return [torch.Generator().manual_seed(c) for c in range(CLASSES)]

    whole = synthesize(network, NOISE, semantics, ClassNoise(streams(), 3))
    for c, (row, stream) in enumerate(zip(semantics, streams(), strict=True)):
        alone = synthesize(network, NOISE, row[None], ClassNoise([stream], 3))
        noise = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(c))
        expected = network(noise, row[None], torch.zeros(3, dtype=torch.long))
        torch.testing.assert_close(alone, expected)
        torch.testing.assert_close(whole[3 * c : 3 * c + 3], expected)
    assert not whole.requires_grad
