"""LisGAN and cycle-CLSWGAN: what each adds to f-CLSWGAN, and that it adds nothing else."""

from __future__ import annotations

import pytest
import torch

from gzslbench.plugins import Batch, TrainView
from gzslbench.training.trainer import Trainer
from gzslbench_methods.cycle_clswgan import CycleClswganParams
from gzslbench_methods.cycle_clswgan.method import CycleClswgan, cycle_loss
from gzslbench_methods.f_clswgan import FClswganParams
from gzslbench_methods.f_clswgan.method import FClswgan
from gzslbench_methods.lisgan import LisGanParams
from gzslbench_methods.lisgan.method import LisGan

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS = 24, 6, 4, 5
SHARED = {
    "epochs": 2,
    "batch_size": 8,
    "nz": 3,
    "ngh": 8,
    "ndh": 7,
    "pretrain_epochs": 2,
    "syn_num": 9,
    "head_batch_size": 0,
}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def made(cls, view, params):
    torch.manual_seed(1)
    method = cls(view, params)
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return method


def batch_of(view, seed=5):
    return Batch(view.features, view.labels, torch.Generator().manual_seed(seed))


def of_the_same_networks(method, view):
    """f-CLSWGAN with the networks of ``method``."""
    plain = FClswgan(view, FClswganParams(**SHARED, cls_weight=method.params.cls_weight))
    for name in plain.modules:
        plain.modules[name].load_state_dict(method.modules[name].state_dict())
    return plain


def test_lisgan_adds_both_distances_to_the_soul_samples(view):
    params = LisGanParams(**SHARED, clusters=2, sample_weight=0.7, mean_weight=0.3, mean_of=4)
    method = made(LisGan, view, params)
    terms = method.generator_loss(batch_of(view))
    plain = of_the_same_networks(method, view).generator_loss(batch_of(view))
    assert {name: terms[name].item() for name in plain} == {name: plain[name].item() for name in plain}

    noise = torch.Generator().manual_seed(5)
    fake = method.generator(torch.randn(ROWS, 3, generator=noise), view.semantics, view.labels)
    nearest = [
        min((x - soul).square().sum() for soul in method.souls[label])
        for x, label in zip(fake, view.labels.tolist(), strict=True)
    ]
    torch.testing.assert_close(terms["sample_soul"], 0.7 * sum(nearest) / ROWS)
    labels = torch.arange(CLASSES).repeat_interleave(4)
    fakes = method.generator(torch.randn(CLASSES * 4, 3, generator=noise), view.semantics, labels)
    nearest = [
        min((fakes[labels == c].mean(0) - soul).square().sum() for soul in method.souls[c])
        for c in range(CLASSES)
    ]
    torch.testing.assert_close(terms["mean_soul"], 0.3 * sum(nearest) / CLASSES)


def test_lisgan_fits_its_head_in_batches_of_twice_the_synthesized_features(view):
    assert LisGan(view, LisGanParams(**SHARED)).head.batch_size == 18
    own = {**SHARED, "head_batch_size": 5}
    assert LisGan(view, LisGanParams(**own)).head.batch_size == 5


def test_the_cycle_loss_is_the_mean_squared_length_of_what_is_lost(view):
    regressor = torch.nn.Linear(FEATURES, SEMANTICS)
    wanted = view.semantics[view.labels]
    lost = [
        (s - regressor.weight @ x - regressor.bias).square().sum()
        for x, s in zip(view.features, wanted, strict=True)
    ]
    torch.testing.assert_close(cycle_loss(regressor, view.features, wanted), sum(lost) / ROWS)


def test_cycle_clswgan_adds_the_way_back_to_the_semantics(view):
    params = CycleClswganParams(**SHARED, cycle_weight=0.4)
    method = made(CycleClswgan, view, params)
    terms = method.generator_loss(batch_of(view))
    plain = of_the_same_networks(method, view).generator_loss(batch_of(view))
    assert {name: terms[name].item() for name in plain} == {name: plain[name].item() for name in plain}
    noise = torch.Generator().manual_seed(5)
    fake = method.generator(torch.randn(ROWS, 3, generator=noise), view.semantics, view.labels)
    back = cycle_loss(method.regressor, fake, view.semantics[view.labels])
    torch.testing.assert_close(terms["cycle"], 0.4 * back)


def test_the_regressor_is_trained_before_the_game_and_frozen_in_it(view):
    method = made(CycleClswgan, view, CycleClswganParams(**SHARED, regressor_epochs=3, regressor_lr=0.01))
    stages = method.stages()
    assert [stage.name for stage in stages] == ["classifier", "regressor", "game"]
    critic, generator = stages[2].phases
    assert (critic.optimizer.lr, generator.optimizer.lr) == (1e-3, 1e-4)
    start, weights = method.regressor.weight.clone(), {}
    for end in Trainer(method, view, seed=0).epochs():
        weights[end.stage] = method.regressor.weight.clone()
    assert torch.equal(weights["classifier"], start)
    assert not torch.equal(weights["regressor"], start)
    assert torch.equal(weights["game"], weights["regressor"])
