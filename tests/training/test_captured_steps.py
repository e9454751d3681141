from __future__ import annotations

import copy
import dataclasses
import gc
import io
import weakref
from contextlib import contextmanager, nullcontext
from itertools import islice

import pytest
import torch
from torch import nn

from gzslbench.computing.graph import WARM_UP, CudaCapture
from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins import TrainView
from gzslbench.plugins.head import HeadSettings
from gzslbench.training.trainer import Trainer

VARIANTS = {
    "plain": {},
    "kept gradients": {"keep": ("scorer",)},
    "fresh batches": {"fresh": True},
    "a rate for each epoch": {"schedule": lambda epoch: 0.7**epoch},
    "batches that do not divide the rows": {"batch_size": 7},
    "all rows a batch": {"batch_size": 99},
}


CUDA = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)
NO_FALLBACK = pytest.mark.filterwarnings("error:.*continues without a CUDA graph")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=CUDA)])
def device(request):
    return request.param


@pytest.fixture
def view(view, device):
    return TrainView(view.features.to(device), view.labels.to(device), view.semantics.to(device))


@pytest.fixture
def game(game, device):
    def make(**settings):
        method = game(**settings)
        method.modules.to(device)
        return method

    return make


class Counting(CudaCapture):
    def __init__(self, device, generators):
        super().__init__(device, generators, trim=True)
        self.warmed = self.captured = self.replayed = 0
        self.fails = False

    def warm_up(self, call):
        self.warmed += 1
        return super().warm_up(call)

    def capture(self, call):
        self.captured += 1

        def failing():
            call()
            torch.cuda.synchronize()

        replay = super().capture(failing if self.fails else call)

        def counted():
            self.replayed += 1
            replay()

        return counted


@pytest.fixture
def captures(recording, monkeypatch):
    """The captures of each stage in turn; those on a CPU work as if it had graphs."""
    made = []

    def capture(device, generators=(), *, trim=False):
        made.append(Counting(device, generators) if device.type == "cuda" else recording(generators))
        return made[-1]

    monkeypatch.setattr("gzslbench.training.stage_run.capture_on", capture)
    return made


def weights(method):
    return torch.cat([p.detach().flatten() for p in method.modules.parameters()])


def ends_of(epochs):
    """What there is to tell of each epoch, as it ends."""
    return [(end.stage, end.epoch, end.counted, end.losses) for end in epochs]


def finished(method, view, graphs, **settings):
    epochs = Trainer(method, view, 0, graphs=graphs, **settings).epochs()
    ends = ends_of(epochs)
    return weights(method), ends


def interrupted(method, view, stop_after, graphs):
    """The trainer's epochs until then, and its state as a checkpoint keeps it."""
    trainer = Trainer(method, view, 0, graphs=graphs)
    iterations = iter(range(1000))
    first = ends_of(trainer.epochs(stop=lambda: next(iterations) >= stop_after))
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)
    return first, torch.load(file, weights_only=True)


def resumed(method, view, state, graphs):
    trainer = Trainer(method, view, 0, graphs=graphs)
    trainer.load_state_dict(state)
    return ends_of(trainer.epochs())


def with_loss(method, loss, phase=0):
    """The game with another loss in one of its phases."""
    warm, main = method.stage_list
    phases = list(main.phases)
    phases[phase] = dataclasses.replace(phases[phase], loss=loss)
    method.stage_list = (warm, dataclasses.replace(main, phases=tuple(phases)))
    return method


@NO_FALLBACK
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_replayed_training_equals_eager_training_to_the_bit(captures, game, view, variant, precision):
    settings = {"epochs": 6, **VARIANTS[variant]}
    eager = finished(game(**settings), view, graphs=False, precision=precision)
    assert captures == []
    replayed = finished(game(**settings), view, graphs=True, precision=precision)
    assert torch.equal(replayed[0], eager[0])
    assert replayed[1] == eager[1]
    _, main = captures
    iterations = 6 * -(-10 // min(settings.get("batch_size", 4), 10))
    assert main.captured == 2
    assert main.warmed + main.replayed == 3 * iterations and main.warmed == 2 * WARM_UP


def test_a_replay_runs_no_python_of_the_loss(captures, game, view):
    method = game(epochs=9)
    finished(method, view, graphs=True)
    assert len(method.seen_batches) == 2 * (WARM_UP + 1)


@NO_FALLBACK
def test_dropout_draws_the_same_in_replays(captures, game, view):
    def with_dropout():
        method = game(epochs=5)
        net = method.modules

        def loss(batch):
            dropped = nn.functional.dropout(batch.features, 0.5) * batch.uniform(len(batch), 3)
            return {"fit": (net["critic"](dropped) ** 2).mean(), "other": net["scorer"](dropped).mean()}

        return with_loss(method, loss)

    eager, replayed = (finished(with_dropout(), view, graphs) for graphs in (False, True))
    assert torch.equal(replayed[0], eager[0]) and replayed[1] == eager[1]


def test_a_first_phase_that_takes_the_last_batch_draws_once_an_iteration(captures, game, view):
    def with_stale_batches():
        method = game(epochs=7)
        warm, main = method.stage_list
        phases = tuple(dataclasses.replace(phase, fresh_batch=False) for phase in main.phases)
        method.stage_list = (warm, dataclasses.replace(main, phases=phases))
        return method

    eager, replayed = (finished(with_stale_batches(), view, graphs) for graphs in (False, True))
    assert torch.equal(replayed[0], eager[0]) and replayed[1] == eager[1]
    assert captures[1].captured == 3  # the first critic step draws, the second does not, nor the generator's


@NO_FALLBACK
@pytest.mark.parametrize("stop_after", [1, 7, 9, 12, 15, 20])
@pytest.mark.parametrize("keep", [(), ("scorer",)])
@pytest.mark.parametrize("graphs", [(True, True), (True, False), (False, True)], ids=str)
def test_resuming_gives_the_uninterrupted_run_with_graphs_or_without(
    captures, game, view, stop_after, keep, graphs
):
    settings = {"epochs": 5, "keep": keep, "schedule": lambda epoch: 0.7**epoch}
    whole, ends = finished(game(**settings), view, graphs=False)
    first, state = interrupted(game(**settings), view, stop_after, graphs[0])
    again = game(**settings)
    rest = resumed(again, view, state, graphs[1])
    assert torch.equal(weights(again), whole)
    assert [*first, *rest] == ends


def test_the_same_trainer_continues_from_an_earlier_state(captures, game, view):
    method = game(epochs=8, keep=("scorer",))
    trainer = Trainer(method, view, 0)
    epochs = trainer.epochs()
    ends = [next(epochs) for _ in range(5)]
    state = copy.deepcopy(trainer.state_dict())
    expected = ends_of(epochs)
    whole = weights(method)
    trainer.load_state_dict(state)
    assert ends_of(trainer.epochs()) == expected and len(ends) + len(expected) == 10
    assert torch.equal(weights(method), whole)


def test_a_loss_that_waits_for_the_device_continues_without_a_graph_and_is_named(captures, game, view):
    def waiting():
        method = game(epochs=6)
        net = method.modules

        def loss(batch):
            rows = batch.features[batch.labels < 3]
            weight = 1.0 if rows.sum().item() > 0 else 0.5
            score = net["critic"](batch.features).mean() + net["scorer"](batch.features).square().mean()
            return {"gap": weight * score}

        return with_loss(method, loss)

    eager = finished(waiting(), view, graphs=False)
    with pytest.warns(
        RuntimeWarning, match="'critic' continues without a CUDA graph: the host waits"
    ) as warned:
        replayed = finished(waiting(), view, graphs=True)
    assert len(warned) == 1
    assert torch.equal(replayed[0], eager[0]) and replayed[1] == eager[1]
    assert captures[1].captured == 1 and captures[1].replayed > 0  # the generator's


@pytest.mark.parametrize("keep", [(), ("scorer",)])
def test_a_capture_that_fails_changes_nothing_but_the_speed(captures, game, view, keep):
    eager = finished(game(epochs=6, keep=keep), view, graphs=False)
    trainer = Trainer(method := game(epochs=6, keep=keep), view, 0)
    epochs = trainer.epochs()
    ends = ends_of(islice(epochs, 3))  # the warm-up stage, and one of the game
    captures[1].fails = True  # the critic has its graph by now, the generator not
    with pytest.warns(RuntimeWarning, match="'generator' continues without a CUDA graph: .*captur") as warned:
        ends += ends_of(epochs)
    assert len(warned) == 1
    assert torch.equal(weights(method), eager[0]) and ends == eager[1]
    assert captures[1].captured == 2 and captures[1].replayed == 3 + 2


def test_networks_that_move_are_captured_again(captures, game, view):
    eager, _ = finished(game(epochs=6), view, graphs=False)
    trainer = Trainer(method := game(epochs=6), view, 0)
    for end in trainer.epochs():
        if end.counted and end.epoch == 2:
            for parameter in method.modules.parameters():
                parameter.data = parameter.data.clone()
    assert torch.equal(weights(method), eager)
    assert captures[1].captured == 4 and captures[1].warmed == 4 * WARM_UP


def test_a_capture_at_the_start_of_an_epoch_keeps_gradients_all_the_same(captures, game, view):
    def one_epoch_of_warm_up():
        method = game(epochs=5, keep=("scorer",), batch_size=99)
        warm, main = method.stage_list
        critic = dataclasses.replace(main.phases[0], repeats=WARM_UP)
        method.stage_list = (warm, dataclasses.replace(main, phases=(critic, main.phases[1])))
        return method

    eager, replayed = (finished(one_epoch_of_warm_up(), view, graphs) for graphs in (False, True))
    assert torch.equal(replayed[0], eager[0]) and replayed[1] == eager[1]


def test_waiting_while_things_are_still_set_up_hinders_no_graph(captures, game, view):
    method = game(epochs=6)
    net, calls = method.modules, []

    def loss(batch):
        calls.append(None)
        if len(calls) < WARM_UP:
            batch.labels.sum().item()
        return {"fit": net["critic"](batch.features).square().mean() + net["scorer"].weight.square().sum()}

    finished(with_loss(method, loss), view, graphs=True)
    assert captures[1].captured == 2 and len(calls) == WARM_UP + 1


def test_a_stage_that_takes_another_state_is_captured_again(captures, game, view):
    method = game(epochs=9)
    method.stage_list = method.stage_list[1:]
    run = Trainer(method, view, 0).current
    for _ in range(3):
        run.iterate()
    run.end_epoch()
    state, networks = copy.deepcopy(run.state_dict()), copy.deepcopy(method.modules.state_dict())
    outcomes = []
    for _ in range(2):
        for _ in range(3):
            run.iterate()
        outcomes.append((weights(method), {key: float(value) for key, value in run.sums.items()}))
        run.load_state_dict(state)
        method.modules.load_state_dict(networks)
    assert torch.equal(outcomes[0][0], outcomes[1][0]) and outcomes[0][1] == outcomes[1][1]


def test_a_stage_that_is_over_frees_its_replays_at_once(captures, game, view):
    trainer = Trainer(game(), view, 0)
    steps = weakref.ref(trainer.current.graph_step)
    gc.disable()
    try:
        for end in trainer.epochs():
            assert (steps() is None) == end.counted
    finally:
        gc.enable()


@pytest.mark.parametrize("sampling", ["draw", "pass"])
@pytest.mark.parametrize("graphs", [True, False])
def test_no_iteration_makes_the_host_wait(captures, watching, game, view, sampling, graphs):
    method = game(epochs=8, keep=("scorer",))
    method.stage_list = (dataclasses.replace(method.stage_list[1], sampling=sampling),)
    run = Trainer(method, view, 0, graphs=graphs).current
    while run.epoch < 8:
        with watching() as watched, refused_on_cuda(view) if run.epoch > WARM_UP else nullcontext():
            while not run.epoch_is_over:
                run.iterate()
        run.end_epoch()
        assert watched.waits == []


@contextmanager
def refused_on_cuda(view):
    """Inside, CUDA raises an error where the host waits for it."""
    if view.features.is_cuda:
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if view.features.is_cuda:
            torch.cuda.set_sync_debug_mode(before)


@NO_FALLBACK
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=CUDA)], indirect=True)
def test_graphs_that_come_and_go_between_epochs_do_not_change_those_of_training(game, view):
    eager, _ = finished(game(epochs=30), view, graphs=False)
    trainer = Trainer(method := game(epochs=30), view, 0)
    random = torch.Generator("cuda")
    features = torch.rand(600, 64, device="cuda")
    labels = torch.arange(600, device="cuda") % 5
    for _ in trainer.epochs():
        with torch.no_grad():
            list(fit_softmax_head(features, labels, 5, HeadSettings(1, 50), 2, random))
        torch.cuda.empty_cache()
    assert torch.equal(weights(method), eager)


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=CUDA)], indirect=True)
def test_live_captures_share_no_stream_and_dead_ones_leave_theirs(device):
    captures = [CudaCapture(torch.device(device)) for _ in range(8)]
    streams = {capture.stream for capture in captures}
    assert len(streams) == 8
    captures.clear()
    assert CudaCapture(torch.device(device)).stream in streams
