"""A toy that keeps its contract, and others that each break it in one way."""

import copy
import gc
import random

import torch
from broken_params import ToyParams  # noqa: F401
from torch import nn

from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.views import EvalView
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.method import Adam, Episodes, Phase, Stage, TorchOptimizer


class Toy:
    """A map from semantics to the places of classes; the nearest one wins."""

    def __init__(self, view, params):
        self.params = params
        self.semantics = view.semantics
        self.map = nn.Sequential(
            nn.Linear(view.semantics.shape[1], 32), nn.ReLU(), nn.Linear(32, view.features.shape[1])
        )
        self.modules = nn.ModuleDict({"map": self.map})

    def stages(self):
        return (Stage("toy", self.params.epochs, self.params.batch_size, self.phases(), sampling="pass"),)

    def phases(self):
        return (Phase("map", self.map_loss, updates=("map",), optimizer=Adam(self.params.lr)),)

    def map_loss(self, batch):
        return {"distance": self.distance(batch)}

    def distance(self, batch):
        places = self.map(self.semantics).float()
        return (places[batch.labels] - batch.features).square().mean()

    def scores(self, features, semantics):
        return -torch.cdist(features, self.map(semantics), compute_mode="donot_use_mm_for_euclid_dist")


class Rich(Toy):
    """Sound, with everything that a phase and a stage can have."""

    def __init__(self, view, params):
        super().__init__(view, params)
        self.average = copy.deepcopy(self.map).requires_grad_(False)
        self.modules["average"] = self.average

    def stages(self):
        episodes = Episodes(classes=4, rows=max(1, self.params.batch_size // 4))
        return (Stage("toy", self.params.epochs, 1, self.phases(), sampling=episodes),)

    def phases(self):
        return (
            Phase(
                "map",
                self.map_loss,
                updates=("map",),
                optimizer=TorchOptimizer("AdamW", self.params.lr, {"weight_decay": 0.01}),
                clip_norm=5.0,
                schedule=lambda epoch: 0.99**epoch,
                step_schedule=lambda step: min(1.0, (step + 1) / 5),
                after_step=self.follow,
            ),
        )

    def follow(self):
        for mean, value in zip(self.average.parameters(), self.map.parameters(), strict=True):
            mean.lerp_(value, 0.2)

    def scores(self, features, semantics):
        return -torch.cdist(features, self.average(semantics), compute_mode="donot_use_mm_for_euclid_dist")


class Straying(Rich):
    """Its average lies outside of the modules, so no checkpoint saves it."""

    def __init__(self, view, params):
        super().__init__(view, params)
        del self.modules["average"]


class Checking(Rich):
    """Reads a number on the host after each step."""

    def follow(self):
        super().follow()
        self.length = self.map[0].weight.norm().item()


class Walk:
    """A copy of a toy whose places move with the stream."""

    batch_size = 8

    def __init__(self, toy, semantics):
        self.toy, self.semantics = toy, semantics
        self.shift = torch.zeros(toy.map[2].out_features)

    def scores(self, features):
        return Toy.scores(self.toy, features - self.shift, self.semantics)

    def learn(self, features):
        self.shift = 0.9 * self.shift + 0.01 * features.mean(0)


class Evolving(Toy):
    def evolve(self, semantics, seen, generator):
        return Walk(self, semantics)


class Idle(Toy):
    """Learns nothing from the stream."""

    def evolve(self, semantics, seen, generator):
        walk = Walk(self, semantics)
        walk.learn = lambda features: None
        return walk


class Wandering(Toy):
    """Its streams go on where the last one ended."""

    walk = None

    def evolve(self, semantics, seen, generator):
        self.walk = self.walk or Walk(self, semantics)
        return self.walk


class Drifting(Toy):
    """Moves the networks that were trained, past torch's own bookkeeping."""

    def evolve(self, semantics, seen, generator):
        walk = Walk(self, semantics)
        bias = self.map[0].bias
        walk.learn = lambda features: bias.data.add_(1e-4)
        return walk


class Standing(Toy):
    """Says that it evolves and cannot."""


class SamePhases(Toy):
    def phases(self):
        return (*super().phases(), *super().phases())


class Unreached(Toy):
    def __init__(self, view, params):
        super().__init__(view, params)
        self.modules["spare"] = nn.Linear(2, 2)

    def phases(self):
        return (Phase("map", self.map_loss, ("map", "spare"), Adam(self.params.lr)),)


class Unreduced(Toy):
    def map_loss(self, batch):
        return {"distance": self.distance(batch).reshape(1)}


class Squeezing(Toy):
    def scores(self, features, semantics):
        return super().scores(features, semantics).squeeze(1)


class Comparing(Toy):
    def scores(self, features, semantics):
        scores = super().scores(features, semantics)
        return scores - scores.mean(0)


class Loading(Toy):
    def __init__(self, view, params):
        super().__init__(view, params)
        try:
            self.rows = load_synthetic().split.test_unseen
        except PermissionError:  # and swallows what stops it
            self.rows = None


class Searching(Toy):
    def __init__(self, view, params):
        super().__init__(view, params)
        for found in gc.get_objects():
            if type(found) is EvalView:
                self.mean = found.unseen_features.mean(0)


class Keeping(Toy):
    def scores(self, features, semantics):
        self.kept = [features]
        return super().scores(features, semantics)


class Random(Toy):
    def map_loss(self, batch):
        return {"distance": self.distance(batch) * (1 + 0.01 * random.random())}


class Seeded(Toy):
    """Every seed starts with the same networks, and nothing is learned."""

    def __init__(self, view, params):
        torch.manual_seed(0)
        super().__init__(view, params)

    def map_loss(self, batch):
        return {"distance": 0 * super().distance(batch)}


class Counting(Toy):
    """The loss depends on a count of steps that no checkpoint contains."""

    steps = 0

    def map_loss(self, batch):
        self.steps += 1
        return {"distance": self.distance(batch) + 0.1 * self.steps * self.map[0].weight.square().mean()}


class Averaging(Toy):
    """A mean that it learns is in no checkpoint."""

    def __init__(self, view, params):
        super().__init__(view, params)
        self.mean = torch.zeros(view.features.shape[1])

    def map_loss(self, batch):
        self.mean = self.mean.detach() * 0.9 + batch.features.mean(0).detach() * 0.1
        return super().map_loss(batch)

    def scores(self, features, semantics):
        return super().scores(features - self.mean, semantics)


class Learning(Toy):
    """Its networks change while it is evaluated, past torch's own bookkeeping."""

    def scores(self, features, semantics):
        self.map[0].bias.data.add_(1e-6)
        return super().scores(features, semantics)


class Deviating(Toy):
    def map_loss(self, batch):
        return {"distance": self.distance(batch) / batch.features.std(0).mean()}


class Standardizing(Toy):
    """The semantics of one class have no deviation."""

    def __init__(self, view, params):
        super().__init__(view, params)
        self.semantics = view.semantics / view.semantics.std(0)


class Demanding(Toy):
    """Wants a row of each class in each batch."""

    def map_loss(self, batch):
        member = (batch.labels[:, None] == torch.arange(len(self.semantics))).float()
        means = (member.T @ batch.features) / member.sum(0)[:, None]
        return {"distance": (self.map(self.semantics).float() - means).square().mean()}


class Cancelling(Toy):
    def map_loss(self, batch):
        places = self.map(self.semantics)
        return {"distance": self.distance(batch), "lost": ((places + 300) - 300 - places).abs().mean() * 9}


class Waiting(Toy):
    def map_loss(self, batch):
        distance = self.distance(batch)
        return {"distance": distance if distance.item() > 0 else 2 * distance}


class Rising(Toy):
    """The value of its loss is right, the sign of its gradient wrong."""

    def map_loss(self, batch):
        distance = self.distance(batch)
        return {"distance": 2 * distance.detach() - distance}


class Mistaken(Toy):
    """Its scores are the opposite of what it learns."""

    def scores(self, features, semantics):
        return -super().scores(features, semantics)


class Dividing(Toy):
    def map_loss(self, batch):
        raise ZeroDivisionError("by its author")


class Generating(Toy):
    """A generative toy."""

    def __init__(self, view, params):
        super().__init__(view, params)
        self.head = HeadSettings(per_class=60, batch_size=64, epochs=10, lr=0.01)

    def synthesize(self, semantics, noise):
        places = self.map(semantics).repeat_interleave(noise.per_class, 0)
        return places + 0.1 * noise.normal(places.shape[1])

    def embed(self, features):
        return features

    scores = None


class Unstreamed(Generating):
    """Draws from the global stream what it should draw from the noise."""

    def synthesize(self, semantics, noise):
        places = self.map(semantics).repeat_interleave(noise.per_class, 0)
        return places + 0.3 * torch.randn(places.shape)
