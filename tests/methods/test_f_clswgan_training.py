"""The stages, the head and the weights of f-CLSWGAN. test_plain.py holds its training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gzslbench.plugins import TrainView
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
