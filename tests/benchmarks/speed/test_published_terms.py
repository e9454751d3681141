"""The published programs against our methods: the same losses and gradients from the same weights."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from gzslbench.training.trainer import build_method
from gzslbench_benchmarks.speed.ours import CE_GZSL, F_CLSWGAN, ce_gzsl_params, f_clswgan_params
from gzslbench_benchmarks.speed.published import losses
from gzslbench_benchmarks.speed.published.ce_gzsl import PublishedCeGzsl
from gzslbench_benchmarks.speed.published.f_clswgan import PublishedFClswgan
from gzslbench_benchmarks.speed.published.networks import PairNetwork
from gzslbench_benchmarks.speed.shapes import SHAPES
from gzslbench_methods.ce_gzsl import method as our_losses
from gzslbench_methods.ce_gzsl.method import Comparator

SHAPE = SHAPES["FLO"].tiny()
SCORES = {"loop": losses.loop_scores, "pair matrix": losses.pair_matrix_scores}

pytestmark = pytest.mark.usefixtures("float64")


@dataclass
class Given:
    """A batch whose random numbers are given."""

    features: Tensor
    labels: Tensor
    noise: Tensor
    mix: Tensor

    def __len__(self):
        return len(self.labels)

    def normal(self, *shape):
        assert shape == self.noise.shape
        return self.noise

    def uniform(self, *shape):
        assert shape == self.mix.shape
        return self.mix


@pytest.fixture
def batch():
    torch.manual_seed(3)
    view = SHAPE.train_view()
    rows = torch.randperm(SHAPE.rows)[: SHAPE.batch]
    noise, mix = torch.randn(SHAPE.batch, SHAPE.noise), torch.rand(SHAPE.batch, 1)
    return Given(view.features[rows], view.labels[rows], noise, mix)


@pytest.fixture
def semantics():
    return SHAPE.train_view().semantics


def ours(spec, params):
    method = build_method(spec, SHAPE.train_view(), params, 0)
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, std=0.4)
    return method


def joined(network, part, of=lambda parameter: parameter.data):
    """A split network's parameters as the published network over the concatenation has them."""
    split = getattr(network, f"from_{part}")
    return {
        "first.weight": torch.cat([of(split.weight), of(network.from_semantics.weight)], dim=1),
        "first.bias": of(network.from_semantics.bias),
        "second.weight": of(network.out.weight),
    } | ({} if network.out.bias is None else {"second.bias": of(network.out.bias)})


def plain(network, of=lambda parameter: parameter.data):
    """The embedding's parameters under their published names."""
    layers = {"first": network.to_hidden, "second": network.to_projection}
    return {
        f"{name}.{kind}": of(getattr(layers[name], kind)) for name in layers for kind in ("weight", "bias")
    }


def take(published, parameters):
    missing = published.load_state_dict(parameters, strict=False).missing_keys
    assert missing in ([], ["second.bias"])  # which starts at zero, and ours does without


def assert_gradients(published, expected):
    found = {name: parameter.grad for name, parameter in published.named_parameters()}
    if "second.bias" not in expected:  # the scores' own bias cancels where only their differences count
        expected = {**expected, "second.bias": torch.zeros(1)}
    torch.testing.assert_close(found, expected)


def gradient(parameter):
    return parameter.grad


@pytest.fixture(params=list(SCORES))
def ce_gzsl(request, conditions):
    """CE-GZSL of ours, and the published form with the same weights."""
    method = ours(CE_GZSL, ce_gzsl_params(SHAPE))
    published = PublishedCeGzsl(SHAPE, conditions, SCORES[request.param])
    take(published.generator, joined(method.generator, "noise"))
    take(published.critic, joined(method.critic, "features"))
    take(published.embedding, plain(method.embedding))
    take(published.comparator, joined(method.comparator, "embedding"))
    return method, published


@pytest.fixture
def f_clswgan(conditions):
    method = ours(F_CLSWGAN, f_clswgan_params(SHAPE))
    published = PublishedFClswgan(SHAPE, conditions)
    take(published.generator, joined(method.generator, "noise"))
    take(published.critic, joined(method.critic, "features"))
    published.classifier.load_state_dict(method.classifier.state_dict())
    return method, published


def test_class_scores_agree_up_to_the_bias_that_the_softmax_cancels(semantics):
    torch.manual_seed(0)
    comparator = Comparator(SHAPE.embedding, SHAPE.semantics, SHAPE.comparator)
    published = PairNetwork(SHAPE.embedding, SHAPE.semantics, SHAPE.comparator)
    take(published, joined(comparator, "embedding"))
    nn.init.constant_(published.second.bias, 0.7)
    hidden, labels = torch.rand(SHAPE.batch, SHAPE.embedding), torch.arange(SHAPE.batch) % SHAPE.classes
    loop, matrix = (form(published, hidden, semantics) for form in SCORES.values())
    torch.testing.assert_close(loop, matrix)
    scores = comparator(hidden, semantics)
    torch.testing.assert_close(loop, scores + 0.7)
    torch.testing.assert_close(
        losses.class_loss(loop, labels, 0.1), our_losses.class_loss(scores, labels, 0.1)
    )


def test_instance_loss_and_its_gradient_agree_where_some_anchors_have_no_positive():
    torch.manual_seed(0)
    labels = torch.tensor([0, 0, 1, 2, 2, 2, 3])
    z = nn.functional.normalize(torch.randn(len(labels), 5), dim=1).requires_grad_()
    published = losses.instance_loss(z, labels, 0.1)
    ours = our_losses.instance_loss(z, labels, 0.1, 4)
    torch.testing.assert_close(published, ours)
    torch.testing.assert_close(torch.autograd.grad(published, z), torch.autograd.grad(ours, z))


def test_critic_step_of_ce_gzsl_agrees_term_by_term_and_in_its_gradients(ce_gzsl, batch, semantics):
    method, published = ce_gzsl
    rows = batch.features, batch.labels, semantics[batch.labels]
    expected = method.critic_loss(batch)
    terms = published.critic_terms(*rows, batch.noise, batch.mix)
    torch.testing.assert_close(terms, dict(expected))
    sum(expected.values()).backward()
    sum(terms.values()).backward()
    assert_gradients(published.critic, joined(method.critic, "features", gradient))
    assert_gradients(published.embedding, plain(method.embedding, gradient))
    assert_gradients(published.comparator, joined(method.comparator, "embedding", gradient))


def test_generator_step_of_ce_gzsl_agrees_term_by_term_and_in_its_gradients(ce_gzsl, batch, semantics):
    method, published = ce_gzsl
    expected = method.generator_loss(batch)
    terms = published.generator_terms(batch.features, batch.labels, semantics[batch.labels], batch.noise)
    torch.testing.assert_close(terms, dict(expected))
    sum(expected.values()).backward()
    sum(terms.values()).backward()
    assert_gradients(published.generator, joined(method.generator, "noise", gradient))


def test_steps_of_f_clswgan_agree_term_by_term_and_in_their_gradients(f_clswgan, batch, semantics):
    method, published = f_clswgan
    rows = batch.features, batch.labels, semantics[batch.labels]
    expected, terms = method.critic_loss(batch), published.critic_terms(*rows, batch.noise, batch.mix)
    torch.testing.assert_close(terms, dict(expected))
    sum(expected.values()).backward()
    sum(terms.values()).backward()
    assert_gradients(published.critic, joined(method.critic, "features", gradient))
    expected, terms = method.generator_loss(batch), published.generator_terms(*rows, batch.noise)
    torch.testing.assert_close(terms, dict(expected))
    sum(expected.values()).backward()
    sum(terms.values()).backward()
    assert_gradients(published.generator, joined(method.generator, "noise", gradient))


def test_an_iteration_moves_every_network_and_the_comparators_gradients_are_kept(ce_gzsl):
    _, published = ce_gzsl
    before = {name: p.clone() for name, p in published.critics.named_parameters()}
    drawn = published.generator.first.weight.clone()
    seen = []
    published.comparator.first.weight.register_post_accumulate_grad_hook(
        lambda p: seen.append(p.grad.clone())
    )
    published.iterate()
    assert len(seen) == SHAPE.critic_steps
    assert seen[-1].norm() > 2 * seen[0].norm()  # the sum over the steps, for they are nearly alike
    assert not torch.equal(published.generator.first.weight, drawn)
    moved = {name for name, p in published.critics.named_parameters() if not torch.equal(p, before[name])}
    assert {name for name in before if name.endswith("weight")} <= moved
    assert set(published.logged) == {"generator", "fake_instance", "fake_class"}


def test_an_epoch_of_f_clswgan_takes_a_generator_step_for_every_batch_of_rows(f_clswgan):
    _, published = f_clswgan
    published.epoch()
    steps = {opt: opt.state[next(iter(opt.state))]["step"] for opt in (published.critic_adam,)}
    batches = SHAPE.rows // SHAPE.batch
    assert steps[published.critic_adam] == batches * SHAPE.critic_steps
    generator = published.generator_adam
    assert generator.state[published.generator.first.weight]["step"] == batches
