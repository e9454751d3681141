"""What keeps a method from training several seeds together is found at the first step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gzslbench.errors import PluginError
from gzslbench.training.joint_step import JointStep
from gzslbench.training.rehearsal import Rehearsal
from gzslbench.training.together import SeedGroup
from gzslbench.training.trainer import Trainer


@pytest.fixture
def view(float64, view):
    return view


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.method.modules.parameters()])


def hidden_randomness(net):
    return lambda batch: {"fit": net["scorer"](nn.functional.dropout(batch.features, 0.5)).square().mean()}


def own_use_of_the_generator(net):
    return lambda batch: {
        "fit": net["scorer"](torch.rand(len(batch), 3, generator=batch.noise)).square().mean()
    }


def decision_on_the_host(net):
    return lambda batch: {
        "fit": net["scorer"](batch.features).square().mean() * (batch.features.sum().item() > 0)
    }


def what_is_no_module(net):
    direction = torch.randn(3)  # another one for each seed
    return lambda batch: {"fit": (net["scorer"](batch.features * direction)).square().mean()}


def what_is_no_module_and_weighs_little(net):
    direction = torch.randn(3)

    def loss(batch):
        known, other = (
            net["scorer"](rows).square().mean() for rows in (batch.features, batch.features * direction)
        )
        return {"fit": known, "other": 1e-4 * other}

    return loss


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (hidden_randomness, "random"),
        (own_use_of_the_generator, "random"),
        (decision_on_the_host, "item"),
        (what_is_no_module, "those of each seed alone"),
        (what_is_no_module_and_weighs_little, "those of each seed alone"),
    ],
)
def test_a_method_that_cannot_train_together_is_refused_at_its_first_step(toy, view, make, why):
    trainers = [Trainer(toy(seed, make), view, seed) for seed in (1, 2)]
    before, stream = [weights(trainer) for trainer in trainers], torch.get_rng_state()
    with pytest.raises(PluginError) as caught:
        SeedGroup(trainers).train()
    assert why in str(caught.value) and "--together" in str(caught.value) and "'warm'" in str(caught.value)
    assert all(map(torch.equal, before, map(weights, trainers)))
    assert torch.equal(torch.get_rng_state(), stream)


def test_what_is_nothing_but_rounding_is_held_to_the_rest(toy, view):
    optimizer = Trainer(toy(1), view, 1).current.optimizers[0]
    rehearsal = Rehearsal(optimizer, Trainer(toy(1), view, 1).current.sampler.batch())
    rehearsal.gradients = [torch.ones(4), torch.tensor([1e-17]), None]
    same = [torch.ones(4) * 1.001, torch.tensor([-2e-17]), None]
    assert rehearsal.equals(rehearsal.terms, same, rehearsal.buffers)
    for other in (
        [same[0], torch.tensor([1e-3]), None],
        [same[0] * 1.1, same[1], None],
        [*same[:2], same[0]],
    ):
        assert not rehearsal.equals(rehearsal.terms, other, rehearsal.buffers)


def test_a_shortage_at_the_first_step_is_not_taken_for_a_method_that_cannot(toy, view, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(JointStep, "_differentiate", fail)
    with pytest.raises(torch.OutOfMemoryError):
        SeedGroup([Trainer(toy(seed), view, seed) for seed in (1, 2)]).train()
