"""What keeps a method from training several seeds together is found at the first step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gzslbench.errors import PluginError
from gzslbench.training.batch import Batch
from gzslbench.training.joint_step import JointStep
from gzslbench.training.rehearsal import Rehearsal
from gzslbench.training.seed_batch import SeedBatches
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


def another_seeds_network_in_part(net):
    weight = net["critic"].weight  # of the first seed, for all
    return lambda batch: {
        "fit": (net["scorer"](batch.features) + 0.1 * batch.features @ weight.mT).square().mean()
    }


def shared_noise_in_part(net):
    drawn = []

    def loss(batch):
        if not drawn:
            drawn.append(batch.normal(len(batch), 3))
        return {"fit": net["scorer"](batch.features + 0.1 * drawn[0]).square().mean()}

    return loss


def a_buffer_put_in_place_of_another(net):
    net["scorer"].register_buffer("centre", torch.zeros(3))

    def loss(batch):
        net["scorer"].centre = 0.9 * net["scorer"].centre + 0.1 * batch.features.detach().mean(0)
        return {"fit": net["scorer"](batch.features - net["scorer"].centre).square().mean()}

    return loss


def nan_in_step(net):
    """A number alone, NaN where several seeds step as one."""

    def loss(batch):
        factor = torch.nan if hasattr(batch, "own") else 1.0
        return {"fit": net["scorer"](batch.features).square().mean() * factor}

    return loss


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (hidden_randomness, "random"),
        (own_use_of_the_generator, "random"),
        (decision_on_the_host, "item"),
        (what_is_no_module, "those of each seed alone"),
        (what_is_no_module_and_weighs_little, "those of each seed alone"),
        (another_seeds_network_in_part, "those of each seed alone"),
        (shared_noise_in_part, ""),
        (a_buffer_put_in_place_of_another, "those of each seed alone"),
        (nan_in_step, "those of each seed alone"),
    ],
)
def test_a_method_that_cannot_train_together_is_refused_at_its_first_step(toy, view, make, why, precision):
    trainers = [Trainer(toy(seed, make), view, seed, precision) for seed in (1, 2)]
    noises = [trainer.current.sampler.noise.get_state() for trainer in trainers]
    before, stream = [weights(trainer) for trainer in trainers], torch.get_rng_state()
    with pytest.raises(PluginError) as caught:
        SeedGroup(trainers).train()
    assert why in str(caught.value) and "--together" in str(caught.value) and "'warm'" in str(caught.value)
    assert all(map(torch.equal, before, map(weights, trainers)))
    assert torch.equal(torch.get_rng_state(), stream)
    for trainer, noise in zip(trainers, noises, strict=True):
        assert torch.equal(trainer.current.sampler.noise.get_state(), noise)


def all_that_a_loss_may_do(net):
    """Draws noise, has running statistics, and moves what it does not update."""
    net["norm"] = nn.BatchNorm1d(3)

    def loss(batch):
        with torch.no_grad():
            net["generator"].weight.mul_(0.9)
        rows = net["norm"](batch.features + batch.normal(len(batch), 3) * batch.uniform(3))
        return {"fit": (net["scorer"](rows) * net["generator"].weight.sum()).square().mean()}

    return loss


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_first_step_draws_and_moves_what_each_seed_alone_does(toy, view, monkeypatch, precision):
    drawn = {}
    for name in ("normal", "uniform"):
        draw = getattr(Batch, name)

        def noted(batch, *shape, draw=draw):
            numbers = draw(batch, *shape)
            drawn.setdefault(batch.noise, []).append(numbers)
            return numbers

        monkeypatch.setattr(Batch, name, noted)

    def start():
        trainers = [Trainer(toy(seed, all_that_a_loss_may_do), view, seed, precision) for seed in (1, 2)]
        return trainers, [trainer.current for trainer in trainers]

    (together, runs), (alone, single) = start(), start()
    group = SeedGroup(together)
    group.train(stop=lambda: runs[0].iteration == 1)
    for run in single:
        run.iterate()
    for run, own in zip(runs, single, strict=True):
        assert len(drawn[run.sampler.noise]) == 3 * len(drawn[own.sampler.noise])  # rehearsed twice
        for one, other in zip(drawn[run.sampler.noise][-2:], drawn[own.sampler.noise], strict=True):
            assert torch.equal(one, other)
        assert torch.equal(run.sampler.noise.get_state(), own.sampler.noise.get_state())
        assert torch.equal(run.sampler.rows.get_state(), own.sampler.rows.get_state())
    rel = 1e-9 if precision == "fp32" else 0.05
    for trainer, own in zip(together, alone, strict=True):
        for name in ("norm", "generator"):
            state, expected = (each.method.modules[name].state_dict() for each in (trainer, own))
            torch.testing.assert_close(state, expected, rtol=1e-9, atol=1e-12)
        sums, expected = trainer.current.sums, own.current.sums
        assert float(sums["warm/fit"]) == pytest.approx(float(expected["warm/fit"]), rel=rel)


def test_a_rehearsal_has_the_full_precision_of_fp32_and_leaves_what_was_asked_for(toy, view):
    asked = torch.get_float32_matmul_precision()
    seen = []

    def noting(net):
        def loss(batch):
            seen.append((torch.is_autocast_enabled("cpu"), torch.get_float32_matmul_precision()))
            return {"fit": net["scorer"](batch.features).square().mean()}

        return loss

    trainers = [Trainer(toy(seed, noting), view, seed, "bf16") for seed in (1, 2)]
    step = SeedGroup(trainers).steps[0]
    batches = SeedBatches([trainer.current.sampler.batch() for trainer in trainers])
    torch.set_float32_matmul_precision("medium")
    try:
        step(batches)
    finally:
        torch.set_float32_matmul_precision(asked)
    assert seen == [(False, "highest")] * 3 + [(True, "medium")]


def test_what_is_nothing_but_rounding_is_held_to_the_rest(toy, view):
    optimizer = Trainer(toy(1), view, 1).current.optimizers[0]
    rehearsal = Rehearsal(optimizer, Trainer(toy(1), view, 1).current.sampler.batch())
    rehearsal.gradients = [torch.ones(4), torch.tensor([1e-17]), None]
    same = [torch.ones(4) * 1.001, torch.tensor([-2e-17]), None]
    assert rehearsal.equals(rehearsal.terms, same, rehearsal.networks)
    for other in (
        [same[0], torch.tensor([1e-3]), None],
        [same[0], torch.tensor([torch.nan]), None],
        [same[0] * 1.1, same[1], None],
        [*same[:2], same[0]],
        same[:2],
    ):
        assert not rehearsal.equals(rehearsal.terms, other, rehearsal.networks)
    rehearsal.gradients = [torch.tensor([torch.nan]), *rehearsal.gradients[1:]]
    assert rehearsal.equals(rehearsal.terms, [torch.ones(1), *same[1:]], rehearsal.networks)


def test_a_shortage_at_the_first_step_is_not_taken_for_a_method_that_cannot(toy, view, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(JointStep, "_differentiate", fail)
    with pytest.raises(torch.OutOfMemoryError):
        SeedGroup([Trainer(toy(seed), view, seed) for seed in (1, 2)]).train()
