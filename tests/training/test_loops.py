"""Epochs of several loops, and losses whose weight follows the epoch."""

from __future__ import annotations

import copy
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
