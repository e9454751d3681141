"""Schedules of one phase, and what runs after a step: through the trainer, interrupted, and captured."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn

from gzslbench.plugins import Episodes, HeldOut, TorchOptimizer
from gzslbench.training import stage_run
from gzslbench.training.trainer import Trainer


def averaging_game(make_game, sampling="draw"):
    """The game, with an average of the generator's weights, clipping, and a schedule for each step."""
    method = make_game()
    method.modules["average"] = copy.deepcopy(method.modules["generator"]).requires_grad_(False)
    pairs = list(
        zip(method.modules["average"].parameters(), method.modules["generator"].parameters(), strict=True)
    )

    def average():
        for mean, value in pairs:
            mean.lerp_(value, 0.25)

    warm, game = method.stage_list
    critic, generator = game.phases
    critic = replace(critic, clip_norm=0.1, schedule=lambda epoch: 0.5**epoch)
    generator = replace(
        generator,
        optimizer=TorchOptimizer("AdamW", 0.1),
        after_step=average,
        step_schedule=lambda step: min(1.0, (step + 1) / 5),
    )
    phases = (critic, generator)
    if isinstance(sampling, HeldOut):  # a phase that gets other rows, between two that share a batch
        phases = (critic, replace(generator, name="held out", held_out=True, own_moments=True), generator)
    method.stage_list = (warm, replace(game, phases=phases, sampling=sampling))
    return method


def state_of(method):
    return {name: value.clone() for name, value in method.modules.state_dict().items()}


SAMPLINGS = ["draw", "balanced", Episodes(2, 2), HeldOut(2, 3)]


def test_the_average_follows_the_weights_step_by_step(view, game):
    method = averaging_game(game)
    mean = [p.detach().clone() for p in method.modules["average"].parameters()]
    generator_phase = method.stage_list[1].phases[1]
    after = generator_phase.after_step
    expected = []

    def watch():
        after()
        for value, parameter in zip(mean, method.modules["generator"].parameters(), strict=True):
            value += 0.25 * (parameter.detach() - value)
        expected.append([value.clone() for value in mean])

    warm, stage = method.stage_list
    method.stage_list = (
        warm,
        replace(stage, phases=(stage.phases[0], replace(generator_phase, after_step=watch))),
    )
    for _ in Trainer(method, view, 0).epochs():
        pass
    assert len(expected) == 3 * 3  # a step of the generator in each of the iterations
    for value, parameter in zip(expected[-1], method.modules["average"].parameters(), strict=True):
        torch.testing.assert_close(parameter, value)


def test_a_phase_schedule_multiplies_the_schedule_of_the_stage(view, game):
    method = game(schedule=lambda epoch: 1 / (1 + epoch))
    warm, stage = method.stage_list
    critic = replace(stage.phases[0], schedule=lambda epoch: 0.1**epoch)
    method.stage_list = (warm, replace(stage, phases=(critic, stage.phases[1])))
    trainer = Trainer(method, view, 0)
    rates = []
    for end in trainer.epochs():
        if end.stage == "game" and trainer.current is not None:
            rates.append([rule.rate for optimizer in trainer.current.optimizers for rule in optimizer.rules])
    assert rates == [[pytest.approx(0.1 * 0.1**e / (1 + e)), pytest.approx(0.1 / (1 + e))] for e in range(3)]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("iterations", [3, 8])
def test_an_interrupted_training_ends_with_the_same_bits(view, game, sampling, iterations):
    whole, first, second = (averaging_game(game, sampling) for _ in range(3))
    for _ in Trainer(whole, view, 0).epochs():
        pass
    count = iter(range(1000))
    interrupted = Trainer(first, view, 0)
    list(interrupted.epochs(stop=lambda: next(count) >= 8 + iterations))
    resumed = Trainer(second, view, 0)
    resumed.load_state_dict(copy.deepcopy(interrupted.state_dict()))
    list(resumed.epochs())
    expected = state_of(whole)
    assert all(torch.equal(value, expected[name]) for name, value in state_of(second).items())


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_captured_steps_are_the_eager_ones(view, game, recording, monkeypatch, sampling):
    eager, captured = averaging_game(game, sampling), averaging_game(game, sampling)
    for _ in Trainer(eager, view, 0, graphs=False).epochs():
        pass
    captures = []

    def capture_on(device, generators=(), trim=False):
        captures.append(recording(generators))
        return captures[-1]

    monkeypatch.setattr(stage_run, "capture_on", capture_on)
    for _ in Trainer(captured, view, 0).epochs():
        pass
    assert sum(capture.replayed for capture in captures) > 0
    expected = state_of(eager)
    for name, value in state_of(captured).items():
        torch.testing.assert_close(value, expected[name])


def test_an_average_outside_of_the_modules_is_lost_when_a_training_is_resumed(view, game):
    """Why `after_step` may only change what lies in the modules."""
    method = averaging_game(game)
    outside = method.modules.pop("average")
    assert isinstance(outside, nn.Linear)
    trainer = Trainer(method, view, 0)
    list(islice(trainer.epochs(), 3))
    assert not any(name.startswith("average") for name in trainer.state_dict()["modules"])
