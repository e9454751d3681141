"""A game of two small networks: enough to see every rule of the trainer at work."""

import dataclasses

import pytest
import torch
from torch import nn

from gzslbench.plugins import TrainView
from gzslbench.plugins.method import Adam, Phase, Stage


@dataclasses.dataclass
class Game:
    """Records which batches and gradients its losses meet."""

    stage_list: tuple
    modules: nn.ModuleDict
    seen_batches: list = dataclasses.field(default_factory=list)

    def stages(self):
        return self.stage_list


def make_game(keep=(), fresh=False, epochs=3, batch_size=4, schedule=lambda epoch: 1.0, lr=0.1):
    torch.manual_seed(0)
    modules = nn.ModuleDict(
        {"critic": nn.Linear(3, 1), "scorer": nn.Linear(3, 1), "generator": nn.Linear(2, 3)}
    )
    game = Game((), modules)

    def critic_loss(batch):
        game.seen_batches.append(batch.features)
        fake = modules["generator"](batch.normal(len(batch), 2))
        score = modules["critic"](batch.features) - modules["critic"](fake)
        return {"gap": score.mean(), "scorer": (modules["scorer"](batch.features) ** 2).mean()}

    def generator_loss(batch):
        game.seen_batches.append(batch.features)
        return {"fool": -modules["critic"](modules["generator"](batch.normal(len(batch), 2))).mean()}

    phases = (
        Phase("critic", critic_loss, ("critic", "scorer"), Adam(lr), repeats=2, keep_gradients=keep),
        Phase("generator", generator_loss, ("generator",), Adam(lr), fresh_batch=fresh),
    )
    warm = Phase(
        "warm", lambda b: {"fit": (modules["scorer"](b.features) ** 2).mean()}, ("scorer",), Adam(lr)
    )
    game.stage_list = (
        Stage("warm-up", 2, 3, (warm,), sampling="pass"),
        Stage("game", epochs, batch_size, phases, schedule=schedule),
    )
    return game


@pytest.fixture
def view():
    numbers = torch.Generator().manual_seed(1)
    return TrainView(torch.rand(10, 3, generator=numbers), torch.arange(10) % 5, torch.eye(5))


@pytest.fixture
def game():
    return make_game
