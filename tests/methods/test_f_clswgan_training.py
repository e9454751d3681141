"""f-CLSWGAN as the trainer runs it, against the published PyTorch program written plainly."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from gzslbench.computing.seeds import generator
from gzslbench.plugins import TrainView
from gzslbench.training.batch import Sampler
from gzslbench.training.trainer import Trainer
from gzslbench_methods.f_clswgan import FClswganParams
from gzslbench_methods.f_clswgan.method import FClswgan

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, SEED = 13, 6, 4, 5, 3
SETTINGS = {
    "epochs": 3,
    "batch_size": 5,
    "lr": 0.01,
    "cls_weight": 0.6,
    "nz": 2,
    "ngh": 8,
    "ndh": 7,
    "pretrain_epochs": 4,
    "pretrain_lr": 0.05,
    "pretrain_batch_size": 4,
    "syn_num": 9,
}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


@pytest.fixture
def method(view):
    torch.manual_seed(1)
    method = FClswgan(view, FClswganParams(**SETTINGS))
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return method


class Plain:
    """Functions of the very same tensors: the networks over [z; a] and [x; a], and the published steps."""

    def __init__(self, method, view):
        self.p, self.view, self.att = method.params, view, view.semantics
        nets = {name: list(net.parameters()) for name, net in method.modules.named_children()}
        self.w = {name: [p.detach().clone().requires_grad_() for p in ps] for name, ps in nets.items()}

    def generate(self, z, a):
        by_noise, by_semantics, bias, out, out_bias = self.w["generator"]
        units = torch.cat([z, a], 1) @ torch.cat([by_noise, by_semantics], 1).t() + bias
        return functional.relu(functional.leaky_relu(units, 0.2) @ out.t() + out_bias)

    def criticise(self, x, a):
        by_features, by_semantics, bias, out = self.w["critic"]
        units = torch.cat([x, a], 1) @ torch.cat([by_features, by_semantics], 1).t() + bias
        return functional.leaky_relu(units, 0.2) @ out.t()

    def classify(self, x, y):
        weight, bias = self.w["classifier"]
        return functional.nll_loss(torch.log_softmax(x @ weight.t() + bias, dim=1), y)

    def sampler(self, stage, batch_size, sampling):
        self.noise = generator("cpu", SEED, "noise", stage)
        rows = generator("cpu", SEED, "sampling", stage)
        return Sampler(self.view, batch_size, sampling, rows=rows, noise=self.noise)

    def step(self, name, adam, loss):
        for tensor, gradient in zip(self.w[name], torch.autograd.grad(loss, self.w[name]), strict=True):
            tensor.grad = gradient
        adam.step()

    def train(self):
        p, betas = self.p, (self.p.beta1, 0.999)
        sampler = self.sampler("classifier", p.pretrain_batch_size, "pass")
        adam = torch.optim.Adam(self.w["classifier"], lr=p.pretrain_lr, betas=betas)
        for _ in range(p.pretrain_epochs * -(-ROWS // p.pretrain_batch_size)):
            batch = sampler.batch()
            self.step("classifier", adam, self.classify(batch.features, batch.labels))
        sampler = self.sampler("game", p.batch_size, "draw")
        adam_d = torch.optim.Adam(self.w["critic"], lr=p.lr, betas=betas)
        adam_g = torch.optim.Adam(self.w["generator"], lr=p.lr, betas=betas)
        for _ in range(p.epochs * -(-ROWS // p.batch_size)):
            for _ in range(p.critic_iter):
                batch = sampler.batch()
                self.step("critic", adam_d, self.critic_loss(batch.features, batch.labels))
            y, a = batch.labels, self.att[batch.labels]
            fake = self.generate(torch.randn(len(y), p.nz, generator=self.noise), a)
            loss = p.cls_weight * self.classify(fake, y) - self.criticise(fake, a).mean()
            self.step("generator", adam_g, loss)

    def critic_loss(self, x, y):
        a = self.att[y]
        fake = self.generate(torch.randn(len(y), self.p.nz, generator=self.noise), a).detach()
        alpha = torch.rand(len(y), 1, generator=self.noise)
        between = (alpha * x + (1 - alpha) * fake).requires_grad_()
        scores = self.criticise(between, a)
        (gradient,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True)
        penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        return (self.criticise(fake, a) - self.criticise(x, a)).mean() + self.p.lambda_gp * penalty


def test_weights_after_both_stages_are_those_of_the_plain_program(method, view):
    plain = Plain(method, view)
    plain.train()
    for _ in Trainer(method, view, SEED).epochs():
        pass
    for name, net in method.modules.named_children():
        torch.testing.assert_close(
            [p.detach() for p in net.parameters()], [p.detach() for p in plain.w[name]], rtol=1e-6, atol=1e-8
        )


def test_the_classifier_learns_in_its_stage_and_rests_in_the_game(method, view):
    stages = [
        (end.stage, method.modules["classifier"].weight.detach().clone())
        for end in Trainer(method, view, SEED).epochs()
    ]
    learning = [w for stage, w in stages if stage == "classifier"]
    game = [w for stage, w in stages if stage == "game"]
    assert not torch.equal(learning[0], learning[-1])
    assert all(torch.equal(learning[-1], w) for w in game)


def test_the_generator_reuses_the_last_critic_batch_and_the_classifier_walks_through_passes(method):
    classifier, game = method.stages()
    assert (classifier.sampling, classifier.epochs, classifier.batch_size) == ("pass", 4, 4)
    assert [phase.fresh_batch for phase in game.phases] == [True, False]


def test_the_head_works_on_the_visual_features_in_batches_of_syn_num(method, view):
    assert torch.equal(method.embed(view.features), view.features)
    assert method.head.batch_size == method.head.per_class == SETTINGS["syn_num"]
    own = FClswgan(view, FClswganParams(**SETTINGS, head_batch_size=3))
    assert own.head.batch_size == 3


def test_cls_weight_scales_the_classification_loss_of_synthesized_features(method, view):
    from gzslbench.plugins import Batch

    def terms(weight):
        method.params = FClswganParams(**{**SETTINGS, "cls_weight": weight})
        batch = Batch(view.features, view.labels, torch.Generator().manual_seed(0))
        return {name: value.item() for name, value in method.generator_loss(batch).items()}

    one, half = terms(1.0), terms(0.5)
    assert half["fake_class"] == pytest.approx(one["fake_class"] / 2)
    assert half["generator"] == pytest.approx(one["generator"])
