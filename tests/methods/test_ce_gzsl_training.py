"""CE-GZSL as the trainer runs it, against the published formulation written plainly.

The plain program concatenates [h; a] for each pair in a loop over the samples, differentiates the critic
through autograd twice, keeps biases that cancel, and zeroes gradients by hand where the published code does.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from gzslbench.computing.seeds import generator
from gzslbench.plugins import ClassNoise, TrainView
from gzslbench.training.batch import Sampler
from gzslbench.training.trainer import Trainer
from gzslbench_methods.ce_gzsl import CeGzslParams
from gzslbench_methods.ce_gzsl.method import CeGzsl

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, SEED = 14, 6, 3, 4, 3
SETTINGS = {
    "epochs": 3,
    "batch_size": 5,
    "lr": 0.01,
    "lr_decay_epoch": 2,
    "lr_decay_rate": 0.5,
    "ins_weight": 0.3,
    "cls_weight": 0.7,
    "ins_temp": 0.4,
    "cls_temp": 0.6,
    "nz": 3,
    "ngh": 8,
    "ndh": 7,
    "embed_size": 6,
    "outz_size": 5,
    "nhF": 4,
    "syn_num": 11,
}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def make_method(view, variant):
    torch.manual_seed(1)
    method = CeGzsl(view, CeGzslParams(**SETTINGS, variant=variant))
    for parameter in method.modules.parameters():  # far from the small start, where every term matters
        nn.init.normal_(parameter, 0.0, 0.5)
    return method


def joined(*layers):
    """One linear layer over the concatenation of what ``layers`` read; the last one has the bias."""
    whole = nn.Linear(sum(layer.in_features for layer in layers), layers[0].out_features)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([layer.weight for layer in layers], dim=1))
        whole.bias.zero_() if layers[-1].bias is None else whole.bias.copy_(layers[-1].bias)
    return whole


class Plain:
    """The published training program."""

    def __init__(self, method, view):
        m, p = method.modules, method.params
        self.p, self.att = p, view.semantics
        leaky = nn.LeakyReLU(0.2)
        net = m["generator"]
        self.G = nn.Sequential(joined(net.from_noise, net.from_semantics), leaky, joined(net.out), nn.ReLU())
        net = m["critic"]
        self.D = nn.Sequential(joined(net.from_features, net.from_semantics), leaky, joined(net.out))
        net = m["embedding"]
        self.E, self.H = nn.Sequential(joined(net.to_hidden), nn.ReLU()), joined(net.to_projection)
        net = m["comparator"]
        self.F = nn.Sequential(joined(net.from_embedding, net.from_semantics), leaky, joined(net.out))
        self.stage = method.stages()[0]
        streams = {name: generator("cpu", SEED, name, self.stage.name) for name in ("sampling", "noise")}
        self.sampler = Sampler(view, p.batch_size, "draw", rows=streams["sampling"], noise=streams["noise"])
        self.noise = streams["noise"]

    def nets(self, *names):
        return itertools.chain.from_iterable(getattr(self, name).parameters() for name in names)

    def train(self, keep_comparator_gradients):
        betas = (self.p.beta1, 0.999)
        adam_d = torch.optim.Adam(self.nets("D", "E", "H", "F"), lr=self.p.lr, betas=betas)
        adam_g = torch.optim.Adam(self.nets("G"), lr=self.p.lr, betas=betas)
        for epoch in range(self.p.epochs):
            for _ in range(-(-ROWS // self.p.batch_size)):
                self.require("D", "E", "H", "F")
                for _ in range(self.p.critic_iter):
                    batch = self.sampler.batch()
                    self.zero("D", "E", "H")
                    if not keep_comparator_gradients:
                        self.zero("F")
                    self.critic_loss(batch.features, batch.labels).backward()
                    adam_d.step()
                self.require("G")
                if not keep_comparator_gradients:
                    batch = self.sampler.batch()
                self.zero("G")
                self.generator_loss(batch.features, batch.labels).backward()
                adam_g.step()
            self.zero("F")
            if (epoch + 1) % self.p.lr_decay_epoch == 0:
                for group in (*adam_d.param_groups, *adam_g.param_groups):
                    group["lr"] *= self.p.lr_decay_rate

    def require(self, *names):
        for name in "GDEHF":
            getattr(self, name).requires_grad_(name in names)

    def zero(self, *names):
        for parameter in self.nets(*names):
            parameter.grad = None

    def fake(self, labels):
        z = torch.randn(len(labels), self.p.nz, generator=self.noise)
        return self.G(torch.cat([z, self.att[labels]], dim=1))

    def critic_loss(self, x, y):
        fake, a = self.fake(y).detach(), self.att[y]
        real_score = self.D(torch.cat([x, a], dim=1)).mean()
        fake_score = self.D(torch.cat([fake, a], dim=1)).mean()
        alpha = torch.rand(len(y), 1, generator=self.noise)
        between = (alpha * x + (1 - alpha) * fake).requires_grad_()
        scores = self.D(torch.cat([between, a], dim=1))
        (gradient,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True)
        penalty = self.p.lambda_gp * ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        h = self.E(x)
        return fake_score - real_score + penalty + self.instance(self.project(h), y) + self.classes(h, y)

    def generator_loss(self, x, y):
        fake = self.fake(y)
        h = self.E(fake)
        z = torch.cat([self.project(h), self.project(self.E(x)).detach()])
        contrast = self.p.ins_weight * self.instance(z, torch.cat([y, y]))
        contrast = contrast + self.p.cls_weight * self.classes(h, y)
        return contrast - self.D(torch.cat([fake, self.att[y]], dim=1)).mean()

    def project(self, h):
        return functional.normalize(self.H(h), dim=1)

    def instance(self, z, y):
        same = (y[:, None] == y[None]).double().fill_diagonal_(0)
        logits = z @ z.t() / self.p.ins_temp
        others = 1 - torch.eye(len(y))
        log_prob = logits - torch.log((torch.exp(logits) * others).sum(1, keepdim=True))
        alone = (same.sum(1) == 0).double()
        per_anchor = (same * log_prob).sum(1) / (same.sum(1) + alone)
        return -(per_anchor * (1 - alone)).sum() / (len(y) - alone.sum())

    def classes(self, h, y):
        scores = torch.stack(
            [self.F(torch.cat([row.expand(CLASSES, -1), self.att], dim=1)).squeeze(1) for row in h]
        )
        return functional.cross_entropy(scores / self.p.cls_temp, y)

    def weights(self):
        """Every weight that a loss depends on; the last layers' biases of D and F cancel."""
        last = [self.G[2].weight, self.G[2].bias, self.D[2].weight, self.F[2].weight]
        first = [p for net in (self.G[0], self.D[0], self.E[0], self.H, self.F[0]) for p in net.parameters()]
        return first + last


def trained(view, variant):
    method = make_method(view, variant)
    for _ in Trainer(method, view, SEED).epochs():
        pass
    return Plain(method, view).weights()


def plainly_trained(view, variant, keep_comparator_gradients):
    plain = Plain(make_method(view, variant), view)
    plain.train(keep_comparator_gradients)
    return plain.weights()


@pytest.mark.parametrize("variant", ["reference", "clean"])
def test_weights_after_three_epochs_are_those_of_the_plain_program(view, variant):
    plain = plainly_trained(view, variant, keep_comparator_gradients=variant == "reference")
    torch.testing.assert_close(trained(view, variant), plain, rtol=1e-6, atol=1e-8)


def test_the_two_variants_train_to_different_comparators(view):
    reference, clean = trained(view, "reference")[-1], trained(view, "clean")[-1]
    assert (reference - clean).abs().max() > 1e-3


def test_reference_keeps_the_comparators_gradients_over_the_epoch_and_reuses_the_batch(view):
    (stage,) = make_method(view, "reference").stages()
    critic, game = stage.phases
    assert (critic.repeats, critic.keep_gradients, game.fresh_batch) == (5, ("comparator",), False)
    (stage,) = make_method(view, "clean").stages()
    critic, game = stage.phases
    assert (critic.repeats, critic.keep_gradients, game.fresh_batch) == (5, (), True)


def test_head_batch_is_syn_num_in_the_reference_and_its_own_in_the_clean_variant(view):
    assert make_method(view, "reference").head.batch_size == SETTINGS["syn_num"]
    assert make_method(view, "clean").head.batch_size == 512


def test_learning_rate_falls_by_the_rate_each_time_the_decay_epochs_are_done(view):
    (stage,) = make_method(view, "clean").stages()
    assert [stage.schedule(epoch) for epoch in range(5)] == [1, 1, 0.5, 0.5, 0.25]


def test_noise_of_zero_is_as_long_as_the_semantics(view):
    method = CeGzsl(view, CeGzslParams(**{**SETTINGS, "nz": 0}))
    noise = ClassNoise([torch.Generator().manual_seed(c) for c in range(CLASSES)], 2)
    features = method.synthesize(view.semantics, noise)
    assert method.modules["generator"].from_noise.in_features == SEMANTICS
    assert features.shape == (2 * CLASSES, FEATURES)
    assert method.embed(features).shape == (2 * CLASSES, SETTINGS["embed_size"])


def test_the_head_sees_h_not_the_projection(view):
    method = make_method(view, "clean")
    layer = method.modules["embedding"].to_hidden
    plain = (view.features @ layer.weight.t() + layer.bias).clamp(min=0)
    torch.testing.assert_close(method.embed(view.features), plain)
