"""Gradients under bfloat16 autocast, with more rows of a class than bfloat16 can count (256)."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from gzslbench_methods.ce_gzsl.method import Comparator, Embedding, class_loss, instance_loss
from gzslbench_methods.layers import embed_per_class, linear
from gzslbench_methods.wgan import Critic, critic_terms

ROWS, CLASSES, FEATURES, SEMANTICS = 800, 2, 24, 8


@pytest.fixture
def batch():
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    features = torch.rand(ROWS, FEATURES) + torch.rand(CLASSES, FEATURES)[labels]
    return features, torch.randn(CLASSES, SEMANTICS), labels


def in_both_precisions(loss, tensors):
    """The loss and its gradient by ``tensors`` as one vector: in float32, then under autocast."""
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            value = loss()
        assert value.dtype == torch.float32
        gradients = torch.autograd.grad(value, tensors)
        yield value.item(), torch.cat([gradient.flatten().float() for gradient in gradients])


def assert_they_agree(loss, tensors):
    (value, gradient), (low_value, low_gradient) = in_both_precisions(loss, list(tensors))
    assert low_value == pytest.approx(value, rel=0.02)
    assert functional.cosine_similarity(gradient, low_gradient, dim=0) > 0.99
    assert low_gradient.norm() == pytest.approx(gradient.norm().item(), rel=0.05)


def spread(module):
    for parameter in module.parameters():  # far from the small start, where every term matters
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    return module


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_instance_loss_of_given_projections(batch, dtype):
    _, _, labels = batch
    z = functional.normalize(torch.randn(ROWS, 6) + torch.randn(CLASSES, 6)[labels], dim=1).requires_grad_()
    lowered = torch.is_autocast_enabled

    def loss():
        return instance_loss(z.to(dtype) if lowered("cpu") else z, labels, 0.5, CLASSES)

    assert_they_agree(loss, [z])


def test_instance_loss_by_the_embeddings_weights(batch):
    features, _, labels = batch
    embedding = spread(Embedding(FEATURES, 16, 8))

    def loss():
        return instance_loss(embedding.project(embedding.hidden(features)), labels, 0.5, CLASSES)

    assert_they_agree(loss, embedding.parameters())


def test_class_loss_by_the_comparators_weights(batch):
    features, semantics, labels = batch
    comparator = spread(Comparator(FEATURES, SEMANTICS, 16))
    assert_they_agree(
        lambda: class_loss(comparator(features, semantics), labels, 0.5), comparator.parameters()
    )


WEIGHTS = ("from_features.weight", "from_semantics.weight", "from_semantics.bias", "out.weight")


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("term", ["critic", "penalty"])
def test_critic_terms_by_each_of_the_critics_weights(batch, term, weight):
    features, semantics, labels = batch
    critic = spread(Critic(FEATURES, SEMANTICS, 16))
    fake, mix = features.flip(0).square(), torch.rand(ROWS, 1)

    def loss():
        return critic_terms(critic, features, fake, semantics, labels, mix, 10.0)[term]

    if term == "penalty" and weight.startswith("from_semantics"):
        (gradient,) = torch.autograd.grad(loss(), [critic.get_parameter(weight)])
        assert not gradient.any()  # the slopes depend on the semantics, but nowhere smoothly
    else:
        assert_they_agree(loss, [critic.get_parameter(weight)])


def test_the_semantics_layer_sums_the_rows_of_a_class_exactly(batch):
    _, semantics, labels = batch
    layer = linear(SEMANTICS, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows = embed_per_class(layer, semantics, labels)
    rows.sum().backward()
    assert rows.dtype == torch.bfloat16
    assert layer.bias.grad.tolist() == [ROWS] * 5
