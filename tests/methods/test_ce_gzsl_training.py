"""The variants, schedule and head of CE-GZSL. test_plain.py holds its training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gzslbench.plugins import ClassNoise, TrainView
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


def test_the_two_variants_train_to_different_comparators(view):
    trained = []
    for variant in ("reference", "clean"):
        method = make_method(view, variant)
        for _ in Trainer(method, view, SEED).epochs():
            pass
        trained.append(method.comparator.out.weight.detach())
    assert (trained[0] - trained[1]).abs().max() > 1e-3


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
