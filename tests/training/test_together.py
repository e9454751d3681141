"""Seeds that train as one program, held against each of them alone."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn

from gzslbench.computing.seeds import generator
from gzslbench.data.views import TrainView
from gzslbench.errors import DivergedError
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.batch import Batch
from gzslbench.training.construction import build_method
from gzslbench.training.seed_batch import SeedBatch, SeedBatches
from gzslbench.training.together import SeedGroup
from gzslbench.training.trainer import Trainer

SEEDS = (3, 1, 4)
SHARED = {"batch_size": 16, "ngh": 8, "ndh": 8, "nz": 3, "epochs": 3}
METHODS = {
    "f-clswgan": ("f-clswgan", {"pretrain_epochs": 2}),
    "f-vaegan-d2": ("f-vaegan-d2", {"adapt_penalty": True}),
    "free": ("free", {"center_margin": 2.0}),
    "tf-vaegan": ("tf-vaegan", {}),
    "reference": ("ce-gzsl", {"embed_size": 7, "outz_size": 4, "nhF": 6}),
    "clean": ("ce-gzsl", {"embed_size": 7, "outz_size": 4, "nhF": 6, "variant": "clean"}),
}


@pytest.fixture
def view(float64, view):
    return view


@pytest.fixture
def rows():
    numbers = torch.Generator().manual_seed(0)
    features, semantics = torch.rand(60, 12, generator=numbers), torch.rand(6, 5, generator=numbers)
    return TrainView(features, torch.arange(60) % 6, semantics)


def trainers_of(name, view, **settings):
    method, own = METHODS[name]
    spec = plugins().method(method)
    params = build(spec.params, {**SHARED, **own}, "test")
    return [Trainer(build_method(spec, view, params, seed), view, seed, **settings) for seed in SEEDS]


def train(trainers, stop=lambda: False):
    """All to the end, together; what each epoch's losses were, a list a seed."""
    ends = [[] for _ in trainers]
    while (first := trainers[0].under_way()) is not None:
        group = SeedGroup(trainers)
        while trainers[0].under_way() is first:
            if not group.train(stop):
                group.release()
                return ends
            for told, trainer in zip(ends, trainers, strict=True):
                told.append(trainer.end_epoch())
        group.release()
    return ends


def ends_of(epochs):
    return [(end.stage, end.epoch, end.counted, end.losses) for end in epochs]


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.method.modules.parameters()])


def assert_same(ends, expected, rel):
    for told, own in zip(ends, expected, strict=True):
        assert [(end.stage, end.epoch, end.counted) for end in told] == [
            (end.stage, end.epoch, end.counted) for end in own
        ]
        for one, other in zip(told, own, strict=True):
            assert one.losses == pytest.approx(other.losses, rel=rel, abs=rel / 10)


def assert_equal(trainers, alone, **tolerance):
    for trainer, own in zip(trainers, alone, strict=True):
        torch.testing.assert_close(weights(trainer), weights(own), **tolerance)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", METHODS)
def test_every_gradient_is_that_of_the_seed_alone(name, rows):
    together, alone = trainers_of(name, rows), trainers_of(name, rows)
    for trainer in (*together, *alone):
        trainer.stage_index = len(trainer.stages) - 1
        trainer.current = trainer._start_stage()
    steps = SeedGroup(together).steps
    for position, step in enumerate(steps):
        step(SeedBatches([trainer.current.sampler.batch() for trainer in together]))
        for trainer, own in zip(together, alone, strict=True):
            optimizer = own.current.optimizers[position]
            optimizer.step(own.current.sampler.batch())
            twin = trainer.current.optimizers[position]
            for one, other in zip(twin.parameters, optimizer.parameters, strict=True):
                torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", METHODS)
def test_a_training_together_is_that_of_each_seed_alone(name, rows):
    together, alone = trainers_of(name, rows), trainers_of(name, rows)
    ends = train(together)
    expected = [list(trainer.epochs()) for trainer in alone]
    assert_same(ends, expected, rel=1e-9)
    assert_equal(together, alone, rtol=0, atol=1e-9)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_in_lower_precision_they_differ_by_its_rounding(name, rows, precision):
    together, alone = (trainers_of(name, rows, precision=precision) for _ in range(2))
    ends = train(together)
    expected = [list(trainer.epochs()) for trainer in alone]
    assert_same(ends, expected, rel=1e-4 if precision == "fp32" else 0.05)
    for trainer, own in zip(together, alone, strict=True):
        # Adam makes a step of a gradient that is nothing but rounding: single weights differ by its length.
        difference = (weights(trainer) - weights(own)).norm() / weights(own).norm()
        assert difference < (1e-3 if precision == "fp32" else 0.05)


@pytest.mark.parametrize("keep", [(), ("scorer",)])
@pytest.mark.parametrize("fresh", [True, False])
def test_kept_gradients_and_stale_batches_are_each_seeds_own(toy, view, keep, fresh):
    settings = {"keep": keep, "fresh": fresh, "schedule": lambda epoch: 0.7**epoch}
    together, alone = ([Trainer(toy(s, **settings), view, s) for s in SEEDS] for _ in range(2))
    ends = train(together)
    assert_same(ends, [list(trainer.epochs()) for trainer in alone], rel=1e-9)
    assert_equal(together, alone, rtol=0, atol=1e-9)


def test_draws_are_those_of_the_seed_alone_to_the_bit():
    def batches():
        return [Batch(torch.ones(4, 2), torch.arange(4), generator("cpu", seed, "noise")) for seed in SEEDS]

    def draws(batch):
        with torch.no_grad():
            first = batch.normal(len(batch), 3)
        return first, batch.uniform(2), batch.normal(5)

    stacked = SeedBatches(batches())

    def joint(features, labels, seed):
        return draws(SeedBatch(features, labels, stacked.own[0].noise, seed=seed, own=stacked.own))

    drawn = torch.vmap(joint, randomness="error")(stacked.features, stacked.labels, torch.arange(len(SEEDS)))
    for position, batch in enumerate(batches()):
        for one, other in zip(drawn, draws(batch), strict=True):
            assert torch.equal(one[position], other)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_training_together_leaves_every_random_stream_where_it_is_left_alone(name, rows, precision):
    together, alone = (trainers_of(name, rows, precision=precision) for _ in range(2))
    before = torch.get_rng_state()
    samplers = [[trainer.current.sampler for trainer in trainers] for trainers in (together, alone)]
    train(together)
    for trainer in alone:
        list(trainer.epochs())
    for one, other in zip(*samplers, strict=True):
        assert torch.equal(one.rows.get_state(), other.rows.get_state())
        assert torch.equal(one.noise.get_state(), other.noise.get_state())
    assert torch.equal(torch.get_rng_state(), before)


def test_one_seed_trains_as_ever_to_the_bit(toy, view):
    def dropping(net):
        return lambda b: {"fit": net["scorer"](nn.functional.dropout(b.features, 0.5)).square().mean()}

    group, alone = (Trainer(toy(1, dropping), view, 1) for _ in range(2))
    (ends,) = train([group])
    assert ends_of(ends) == ends_of(alone.epochs())
    assert torch.equal(weights(group), weights(alone))


def test_seeds_that_part_have_memory_of_their_own(toy, view):
    trainers = [Trainer(toy(seed), view, seed) for seed in SEEDS]
    group = SeedGroup(trainers)
    before = [weights(trainer) for trainer in trainers]
    group.release()
    assert all(map(torch.equal, before, map(weights, trainers)))
    for trainer in trainers:
        for parameter in trainer.method.modules.parameters():
            assert parameter.untyped_storage().nbytes() == parameter.nbytes


@pytest.mark.parametrize("stop_after", [0, 3, 8, 9, 12])
def test_interrupted_together_each_seed_can_go_on_alone_or_with_the_others(toy, view, stop_after):
    def start():
        return [Trainer(toy(seed, keep=("scorer",)), view, seed) for seed in SEEDS]

    whole = start()
    train(whole)
    stopped = start()
    iterations = iter(range(1000))
    train(stopped, stop=lambda: next(iterations) >= stop_after)
    states = []
    for trainer in stopped:
        trainer.interrupt()
        file = io.BytesIO()
        torch.save(trainer.state_dict(), file)
        file.seek(0)
        states.append(torch.load(file, weights_only=True))
    again, apart = start(), start()
    for trainers in (again, apart):
        for trainer, state in zip(trainers, states, strict=True):
            trainer.load_state_dict(copy.deepcopy(state))
            assert trainer.iterations_done == stop_after
    train(again)
    for trainer in apart:
        list(trainer.epochs())
    assert_equal(again, whole, rtol=0, atol=0)
    assert_equal(apart, whole, rtol=0, atol=1e-9)


def test_a_state_saved_within_an_epoch_holds_one_seed_alone(toy, view):
    def size(trainers, position):
        file = io.BytesIO()
        torch.save(trainers[position].state_dict(), file)
        return len(file.getvalue())

    trainers, alone = ([Trainer(toy(s, keep=("scorer",)), view, s) for s in SEEDS] for _ in range(2))
    for one in (*trainers, *alone):
        one.stage_index, one.current = 1, None
        one.current = one._start_stage()
    iterations = iter(range(1000))
    SeedGroup(trainers).train(stop=lambda: next(iterations) >= 2)
    for own in alone:
        own.current.iterate()
        own.current.iterate()
    assert size(trainers, 1) == size(alone, 1)


def test_seeds_within_different_epochs_keep_their_own_place(toy, view):
    ahead, behind, *alone = [Trainer(toy(seed), view, seed) for seed in (1, 2, 1, 2)]
    for trainer in (ahead, alone[0]):
        trainer.current.iterate()
        trainer.current.iterate()
        trainer.current.iterate()
    group = SeedGroup([ahead, behind])
    group.train()
    assert ahead.current.epoch_is_over and behind.current.iteration == 1
    told = [ahead.end_epoch()]
    group.train()
    told += [behind.end_epoch()] if behind.current.epoch_is_over else [ahead.end_epoch()]
    group.release()
    told += [*ahead.epochs(), *behind.epochs()]
    expected = [end for trainer in alone for end in trainer.epochs()]
    assert sorted(end.epoch for end in told) == sorted(end.epoch for end in expected)
    assert_equal([ahead, behind], alone, rtol=0, atol=1e-9)


def test_a_seed_that_diverges_leaves_the_others_alone(toy, view):
    together, alone = ([Trainer(toy(seed), view, seed) for seed in SEEDS] for _ in range(2))
    for trainers in (together, alone):
        with torch.no_grad():
            trainers[1].method.modules["scorer"].weight.fill_(1e300)
    group = SeedGroup(together)
    group.train()
    with pytest.raises(DivergedError) as caught:
        together[1].end_epoch()
    assert caught.value.term == "warm/fit"
    group.release()
    rest = [together[0], together[2]]
    for trainer in rest:
        trainer.end_epoch()
    train(rest)
    for trainer in (alone[0], alone[2]):
        list(trainer.epochs())
    assert_equal(rest, [alone[0], alone[2]], rtol=0, atol=1e-9)


def test_running_statistics_are_each_seeds_own(toy, view):
    def normalized(net):
        net["norm"] = nn.BatchNorm1d(3)
        return lambda batch: {"fit": net["scorer"](net["norm"](batch.features)).square().mean()}

    def start(seed):
        return toy(seed, normalized)

    together, alone = ([Trainer(start(seed), view, seed) for seed in SEEDS] for _ in range(2))
    train(together)
    for trainer, own in zip(together, alone, strict=True):
        list(own.epochs())
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            one, other = (getattr(each.method.modules["norm"], name) for each in (trainer, own))
            torch.testing.assert_close(one, other)
    assert not torch.equal(*(each.method.modules["norm"].running_mean for each in together[:2]))


@pytest.mark.filterwarnings("error:.*goes on without a CUDA graph")
@pytest.mark.parametrize("keep", [(), ("scorer",)])
@pytest.mark.parametrize("fresh", [True, False])
def test_replayed_training_together_equals_eager_training_to_the_bit(
    toy, view, recording, monkeypatch, keep, fresh
):
    made = []

    def capture_on(device, generators=(), *, trim=False):
        made.append(recording(generators))
        return made[-1]

    settings = {"keep": keep, "fresh": fresh, "epochs": 6, "schedule": lambda epoch: 0.7**epoch}
    eager, replayed = ([Trainer(toy(s, **settings), view, s, graphs=False) for s in SEEDS], None)
    expected = train(eager)
    monkeypatch.setattr("gzslbench.training.trainer.capture_on", capture_on)
    monkeypatch.setattr("gzslbench.training.together.capture_on", capture_on)
    replayed = [Trainer(toy(s, **settings), view, s) for s in SEEDS]
    assert [ends_of(each) for each in train(replayed)] == [ends_of(each) for each in expected]
    assert_equal(replayed, eager, rtol=0, atol=0)
    assert max(capture.replayed for capture in made) > 10


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error:.*goes on without a CUDA graph")
@pytest.mark.parametrize("name", METHODS)
def test_on_cuda_replayed_training_together_equals_eager_training_to_the_bit(rows, name):
    view = TrainView(rows.features.cuda(), rows.labels.cuda(), rows.semantics.cuda())
    eager, replayed = (trainers_of(name, view, graphs=graphs) for graphs in (False, True))
    expected = [ends_of(each) for each in train(eager)]
    assert [ends_of(each) for each in train(replayed)] == expected
    assert_equal(replayed, eager, rtol=0, atol=0)
