import copy
import dataclasses
import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gzslbench.errors import DivergedError, PluginError
from gzslbench.plugins.method import Adam, Episodes, Phase, Stage
from gzslbench.training.trainer import Trainer, check_stages


def summary(end):
    return end.stage, end.epoch, end.counted, end.losses


def trained(game, view, seed=0, **settings):
    method = game(**settings)
    trainer = Trainer(method, view, seed)
    ends = list(trainer.epochs())
    return method, trainer, ends


def weights(method):
    return torch.cat([p.detach().flatten() for p in method.modules.parameters()])


def test_stages_run_in_order_and_the_last_one_counts(game, view):
    _, _, ends = trained(game, view)
    assert [(e.stage, e.epoch, e.counted) for e in ends] == [
        ("warm-up", 1, False),
        ("warm-up", 2, False),
        ("game", 1, True),
        ("game", 2, True),
        ("game", 3, True),
    ]


def test_an_epoch_is_ceil_n_over_batch_iterations_of_all_phases(game, view):
    method, trainer, _ = trained(game, view, epochs=1)
    assert len(method.seen_batches) == 3 * (2 + 1)
    assert trainer.iterations == trainer.iterations_done == 2 * 4 + 3


@pytest.mark.parametrize("fresh", [True, False])
def test_a_phase_without_a_fresh_batch_sees_the_last_one(game, view, fresh):
    method, _, _ = trained(game, view, epochs=1, fresh=fresh)
    last_critic, generators = method.seen_batches[1], method.seen_batches[2]
    assert torch.equal(last_critic, generators) != fresh


def test_losses_are_means_over_the_epochs_steps(game, view):
    method = game(epochs=1, lr=1e-12)
    losses = [end.losses for end in Trainer(method, view, 0).epochs()][-1]
    squares = torch.stack(
        [(method.modules["scorer"](b) ** 2).mean() for i, b in enumerate(method.seen_batches) if i % 3 < 2]
    )
    assert losses["critic/scorer"] == pytest.approx(squares.mean().item(), rel=1e-5)


def test_a_phase_leaves_the_modules_it_does_not_update_untouched(game, view):
    method = game(epochs=1)
    before = method.modules["generator"].weight.clone()
    phase_free = Trainer(method, view, 0)
    next(iter(phase_free.epochs()))  # the warm-up updates the scorer alone
    assert torch.equal(method.modules["generator"].weight, before)
    assert method.modules["generator"].weight.grad is None


def plain_script(method, view, keep, epochs):
    """The same game written as a plain autograd loop."""
    from gzslbench.computing.seeds import generator
    from gzslbench.training.batch import Sampler

    net = method.modules
    warm = torch.optim.Adam(net["scorer"].parameters(), lr=0.1)
    walk = Sampler(
        view, 3, "pass", generator("cpu", 0, "sampling", "warm-up"), generator("cpu", 0, "noise", "warm-up")
    )
    for _ in range(2 * 4):
        warm.zero_grad()
        (net["scorer"](walk.batch().features) ** 2).mean().backward()
        warm.step()
    critic = torch.optim.Adam([*net["critic"].parameters(), *net["scorer"].parameters()], lr=0.1)
    gen = torch.optim.Adam(net["generator"].parameters(), lr=0.1)
    draws = Sampler(
        view, 4, "draw", generator("cpu", 0, "sampling", "game"), generator("cpu", 0, "noise", "game")
    )
    for _ in range(epochs):
        net["scorer"].zero_grad()
        for _ in range(3):
            for _ in range(2):
                batch = draws.batch()
                net["critic"].zero_grad()
                if not keep:
                    net["scorer"].zero_grad()
                fake = net["generator"](batch.normal(len(batch), 2)).detach()
                (net["critic"](batch.features) - net["critic"](fake)).mean().backward()
                (net["scorer"](batch.features) ** 2).mean().backward()
                critic.step()
            net["generator"].zero_grad()
            (-net["critic"](net["generator"](batch.normal(len(batch), 2))).mean()).backward()
            gen.step()


@pytest.mark.parametrize("keep", [(), ("scorer",)])
def test_steps_equal_a_plain_autograd_loop_with_and_without_kept_gradients(game, view, keep):
    method, _, _ = trained(game, view, keep=keep)
    plain = game(keep=keep)
    plain_script(plain, view, keep, epochs=3)
    torch.testing.assert_close(weights(method), weights(plain), rtol=1e-5, atol=1e-6)


def test_kept_gradients_change_the_outcome(game, view):
    assert not torch.allclose(
        weights(trained(game, view)[0]), weights(trained(game, view, keep=("scorer",))[0])
    )


def test_the_schedule_scales_the_learning_rate_by_epoch(game, view):
    frozen_after_one, _, _ = trained(game, view, epochs=3, schedule=lambda epoch: float(epoch == 0))
    one, _, _ = trained(game, view, epochs=1)
    assert torch.equal(weights(frozen_after_one), weights(one))


def test_the_seed_decides_the_outcome(game, view):
    assert torch.equal(weights(trained(game, view)[0]), weights(trained(game, view)[0]))
    assert not torch.equal(weights(trained(game, view)[0]), weights(trained(game, view, seed=1)[0]))


def test_training_does_not_change_the_global_random_state(game, view):
    method = game()
    before = torch.get_rng_state()
    list(Trainer(method, view, 0).epochs())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("stop_after", range(0, 17, 2))
@pytest.mark.parametrize("keep", [(), ("scorer",)])
def test_resuming_anywhere_gives_the_uninterrupted_weights_and_losses(game, view, stop_after, keep):
    whole, _, ends = trained(game, view, keep=keep)

    method = game(keep=keep)
    trainer = Trainer(method, view, 0)
    iterations = iter(range(1000))
    first = list(trainer.epochs(stop=lambda: next(iterations) >= stop_after))
    assert trainer.interrupted
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)

    again = game(keep=keep)
    resumed = Trainer(again, view, seed=0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.iterations_done == stop_after
    rest = list(resumed.epochs())
    assert torch.equal(weights(again), weights(whole))
    assert list(map(summary, (*first, *rest))) == list(map(summary, ends))


def test_completed_epochs_are_counted_by_stage(game, view):
    trainer = Trainer(game(), view, 0)
    completed = [dict(trainer.completed) for _ in trainer.epochs()]
    assert completed[0] == {"warm-up": 1, "game": 0}
    assert completed[-1] == {"warm-up": 2, "game": 3} == trainer.completed


def test_a_loss_that_becomes_infinite_stops_the_run_and_is_named(game, view):
    method = game(lr=1e38)
    with pytest.raises(DivergedError) as caught:
        list(Trainer(method, view, 0).epochs())
    assert caught.value.term.split("/")[0] in {"warm", "critic", "generator"}
    assert caught.value.epoch >= 1


def test_a_method_without_stages_has_nothing_to_train(game, view):
    method = game()
    method.stage_list = ()
    trainer = Trainer(method, view, 0)
    assert list(trainer.epochs()) == []
    assert trainer.counted_epochs == trainer.iterations == 0


def test_bf16_steps_see_the_weights_of_the_step_before(game, view):
    method = game(epochs=2)
    plain = game(epochs=2)
    list(Trainer(method, view, 0, precision="bf16").epochs())
    step_by_step = Trainer(plain, view, 0, precision="bf16")
    for _ in step_by_step.epochs(on_iteration=torch.clear_autocast_cache):
        pass
    assert torch.equal(weights(method), weights(plain))
    exact, _, _ = trained(game, view, epochs=2)
    torch.testing.assert_close(weights(method), weights(exact), rtol=0.2, atol=0.1)
    assert not torch.equal(weights(method), weights(exact))


@pytest.mark.parametrize("stop_after", [1, 5, 9, 12])
def test_dropout_follows_the_seed_and_resumes(game, view, stop_after):
    def with_dropout():
        method = game()
        warm, main = method.stage_list

        def loss(batch):
            dropped = torch.nn.functional.dropout(batch.features, 0.5)
            return {"fit": (method.modules["scorer"](dropped) ** 2).mean()}

        phase = dataclasses.replace(warm.phases[0], loss=loss)
        method.stage_list = (dataclasses.replace(warm, phases=(phase,)), main)
        return method

    whole, again = with_dropout(), with_dropout()
    list(Trainer(whole, view, 0).epochs())
    torch.rand(7)  # what else the process draws does not matter
    trainer = Trainer(again, view, 0)
    iterations = iter(range(1000))
    list(trainer.epochs(stop=lambda: next(iterations) >= stop_after))
    state = copy.deepcopy(trainer.state_dict())
    resumed = Trainer(again, view, 0)
    resumed.load_state_dict(state)
    list(resumed.epochs())
    assert torch.equal(weights(again), weights(whole))
    other = with_dropout()
    list(Trainer(other, view, 1).epochs())
    assert not torch.equal(weights(other), weights(whole))


def test_an_interruption_after_a_loss_became_infinite_is_a_divergence(game, view):
    method = game(lr=1e38)
    trainer = Trainer(method, view, 0)
    iterations = iter(range(1000))
    list(trainer.epochs(stop=lambda: next(iterations) >= 3))
    assert trainer.interrupted
    with pytest.raises(DivergedError):
        trainer.check_finite()


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        (None, "None is not a Stage"),
        ([3], "3 is not a Stage"),
        ([Stage("a", 1, 4, (None,))], "None is not a Phase"),
        ([Stage("a", 1, 4, (Phase("fit", dict, ("other",), Adam(0.1)),))], "updates .'other',., of modules"),
        ([Stage("a", 1, 4, (Phase("fit", dict, None, Adam(0.1)),))], "updates None"),
        ([Stage("a", 1, 4, (Phase("fit", dict, (), Adam(0.1)),))], "updates .., of modules"),
        (
            [Stage("a", 1, 4, (Phase("fit", dict, ("net",), Adam(0.1), keep_gradients=("zz",)),))],
            "has keep_gradients=.'zz',., of modules",
        ),
        ([Stage("a", 1, 4, (Phase("fit", dict, ("net",), 0.1),))], "the optimizer of phase 'fit' is 0.1"),
    ],
)
def test_stages_of_another_type_are_refused_by_name(stages, complaint):
    method = SimpleNamespace(modules=nn.ModuleDict({"net": nn.Linear(2, 2)}), stages=lambda: stages)
    with pytest.raises(PluginError, match=complaint):
        Trainer(method, view=None, seed=0)


@pytest.mark.parametrize(
    ("stage", "phase", "complaint"),
    [
        ({"name": "../a"}, {}, "stage '../a' has name"),
        ({"name": "a\n"}, {}, r"stage 'a\\n' has name"),
        ({"name": None}, {}, "stage None has name=None"),
        ({"epochs": -2}, {}, "stage 'a' has epochs=-2"),
        ({"epochs": 2.5}, {}, "stage 'a' has epochs=2.5"),
        ({"batch_size": 0}, {}, "stage 'a' has batch_size=0"),
        ({"batch_size": -3}, {}, "stage 'a' has batch_size=-3"),
        ({"phases": None}, {}, "stage 'a' has phases=None"),
        ({"schedule": None}, {}, "stage 'a' has schedule=None"),
        ({"sampling": "weird"}, {}, "stage 'a' has sampling='weird'"),
        ({"sampling": Episodes(0, 4)}, {}, "the sampling of stage 'a' has classes=0"),
        ({"loops": 0}, {}, "stage 'a' has loops=0"),
        ({"iterations": (-1,)}, {}, "stage 'a' has iterations=.-1,."),
        ({}, {"name": 3}, "phase 3 has name=3"),
        ({}, {"loss": None}, "phase 'fit' has loss=None"),
        ({}, {"repeats": -1}, "phase 'fit' has repeats=-1"),
        ({}, {"loop": 7}, "phase 'fit' has loop=7"),
        ({}, {"schedule": 5}, "phase 'fit' has schedule=5"),
        ({}, {"clip_norm": float("nan")}, "phase 'fit' has clip_norm=nan"),
        ({}, {"optimizer": Adam(-1)}, "the optimizer of phase 'fit' has lr=-1"),
        ({}, {"optimizer": Adam(float("nan"))}, "the optimizer of phase 'fit' has lr=nan"),
        ({}, {"optimizer": {"net": Adam("x")}}, "the optimizer of phase 'fit' has lr='x'"),
    ],
)
def test_a_stage_that_cannot_be_trained_is_refused_with_the_value_that_is_wrong(stage, phase, complaint):
    whole = replace(Phase("fit", dict, ("net",), Adam(0.1)), **phase)
    stages = [replace(Stage("a", 1, 4, (whole,)), **stage)]
    method = SimpleNamespace(modules=nn.ModuleDict({"net": nn.Linear(2, 2)}))
    with pytest.raises(PluginError, match=complaint):
        check_stages(method, stages)


def test_two_stages_or_two_phases_of_one_name_are_refused():
    phase = Phase("fit", dict, ("net",), Adam(0.1))
    method = SimpleNamespace(modules=nn.ModuleDict({"net": nn.Linear(2, 2)}))
    with pytest.raises(PluginError, match="two stages are called 'a'"):
        check_stages(method, [Stage("a", 1, 4, (phase,))] * 2)
    with pytest.raises(PluginError, match="two phases of stage 'a' are called 'fit'"):
        check_stages(method, [Stage("a", 1, 4, (phase, phase))])
