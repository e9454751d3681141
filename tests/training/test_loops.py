"""Epochs of several loops, and losses whose weight follows the epoch."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gzslbench.computing.seeds import generator
from gzslbench.plugins.method import Adam, Phase, Sgd, Stage
from gzslbench.training.batch import Sampler
from gzslbench.training.trainer import Trainer

EPOCHS, SIZE, ITERATIONS = 3, 4, 3


def networks(seed=0):
    torch.manual_seed(seed)
    return nn.ModuleDict({"one": nn.Linear(3, 1), "other": nn.Linear(3, 1)})


def make(seed=0):
    modules, recorded = networks(seed), []

    def loss(name):
        def of(batch):
            noise = batch.normal(len(batch), 3)
            weight = 1 + batch.epoch
            return {"square": weight * (modules[name](batch.features + noise) ** 2).mean()}

        return of

    def phase(name, module, optimizer, loop, repeats=1):
        def watched(batch):
            recorded.append(name)
            return loss(module)(batch)

        return Phase(name, watched, (module,), optimizer, repeats=repeats, loop=loop)

    phases = (
        phase("always", "one", Adam(0.1), None),
        phase("first", "other", Sgd(0.1, momentum=0.5), 0, repeats=2),
        phase("second", "one", Adam(0.1), 1),
    )
    stage = Stage("loops", EPOCHS, SIZE, phases, loops=2)
    return SimpleNamespace(stages=lambda: (stage,), modules=modules, recorded=recorded)


def weights(method):
    return torch.cat([p.detach().flatten() for p in method.modules.parameters()])


def plain(view, seed=0):
    """The same written as a plain loop; the sum of each phase's losses by epoch."""
    nets = networks(seed)
    adam = torch.optim.Adam(nets["one"].parameters(), lr=0.1)
    sgd = torch.optim.SGD(nets["other"].parameters(), lr=0.1, momentum=0.5)
    streams = (generator("cpu", seed, purpose, "loops") for purpose in ("sampling", "noise"))
    sampler, sums = Sampler(view, SIZE, "draw", *streams), []

    def step(epoch, name, net, optimizer):
        batch = sampler.batch()
        loss = (1 + epoch) * (nets[net](batch.features + batch.normal(SIZE, 3)) ** 2).mean()
        nets.zero_grad()
        loss.backward()
        optimizer.step()
        sums[-1][name] = sums[-1].get(name, 0) + loss.item()

    for epoch in range(EPOCHS):
        sums.append({})
        for loop in range(2):
            for _ in range(ITERATIONS):
                step(epoch, "always", "one", adam)
                if loop == 0:
                    step(epoch, "first", "other", sgd)
                    step(epoch, "first", "other", sgd)
                else:
                    step(epoch, "second", "one", adam)
    return nets, sums


def test_an_epoch_of_two_loops_is_the_plain_loop(view):
    method = make()
    trainer = Trainer(method, view, 0)
    assert trainer.iterations == EPOCHS * 2 * ITERATIONS
    ends = list(trainer.epochs())
    nets, sums = plain(view)
    torch.testing.assert_close(weights(method), weights(SimpleNamespace(modules=nets)))
    counts = {"always": 2 * ITERATIONS, "first": 2 * ITERATIONS, "second": ITERATIONS}
    for end, recorded in zip(ends, sums, strict=True):
        expected = {f"{name}/square": value / counts[name] for name, value in recorded.items()}
        assert end.losses == pytest.approx(expected)
    loops = ["always", "first", "first"] * ITERATIONS + ["always", "second"] * ITERATIONS
    assert method.recorded == loops * EPOCHS
    assert trainer.iterations_done == trainer.iterations


@pytest.mark.parametrize("stop_after", range(0, EPOCHS * 2 * ITERATIONS, 2))
def test_it_resumes_anywhere(view, stop_after):
    whole, stopped, resumed = make(), make(), make()
    list(Trainer(whole, view, 0).epochs())
    trainer = Trainer(stopped, view, 0)
    iterations = iter(range(1000))
    list(trainer.epochs(stop=lambda: next(iterations) >= stop_after))
    again = Trainer(resumed, view, 0)
    again.load_state_dict(copy.deepcopy(trainer.state_dict()))
    assert again.iterations_done == stop_after
    list(again.epochs())
    assert torch.equal(weights(resumed), weights(whole))


def test_loops_may_have_other_numbers_of_iterations(view):
    method = make()
    (stage,) = method.stages()
    method.stages = lambda: (replace(stage, iterations=(2, 5)),)
    trainer = Trainer(method, view, 0)
    assert trainer.iterations == EPOCHS * 7
    ends = list(trainer.epochs())
    assert method.recorded == (["always", "first", "first"] * 2 + ["always", "second"] * 5) * EPOCHS
    assert len(ends) == EPOCHS and trainer.iterations_done == trainer.iterations


def test_the_losses_of_loops_of_other_lengths_are_means_over_their_own_steps(view):
    modules = networks()

    def constant(value):
        return lambda batch: {"value": value + 0 * modules["one"](batch.features).mean()}

    phases = tuple(
        Phase(f"loop {loop}", constant(value), ("one",), Sgd(0.1), loop=loop)
        for loop, value in ((0, 3.0), (1, 7.0))
    )
    stage = Stage("loops", 1, SIZE, phases, loops=2, iterations=(1, 4))
    (end,) = Trainer(SimpleNamespace(stages=lambda: (stage,), modules=modules), view, 0).epochs()
    assert end.losses == {"loop 0/value": 3.0, "loop 1/value": 7.0}


def test_a_phase_may_keep_moments_of_its_own(view):
    """Where a gradient never changes, Adam steps by the rate, unless moments of others mix in."""
    modules = networks()
    start = modules["one"].weight.detach().clone()

    def toward(factor):
        return lambda batch: {"value": factor * modules["one"].weight.sum()}

    phases = (
        Phase("up", toward(-1000.0), ("one",), Adam(0.1), own_moments=True),
        Phase("down", toward(1.0), ("one",), Adam(0.01), own_moments=True),
    )
    stage = Stage("both", 1, 10, phases, iterations=(5,))
    list(Trainer(SimpleNamespace(stages=lambda: (stage,), modules=modules), view, 0).epochs())
    torch.testing.assert_close(modules["one"].weight.detach(), start + 5 * 0.1 - 5 * 0.01)
