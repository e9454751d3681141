"""A head that keeps its contract, and others that each break it in one way."""

from dataclasses import dataclass, replace

import torch
from broken_params import ToyParams  # noqa: F401


@dataclass(frozen=True)
class Nearest:
    means: torch.Tensor

    def scores(self, features):
        return -torch.cdist(features, self.means)


class Means:
    """The mean of each class's rows; a class without any is far away."""

    def __init__(self, params):
        self.params = params

    def settings(self, of_method):
        return replace(of_method, epochs=2)

    def fit(self, rows, settings, epochs, generator, graphs):
        member = (rows.labels[:, None] == torch.arange(len(rows.seen))).float()
        counts = member.sum(0)[:, None]
        means = torch.where(counts > 0, member.T @ rows.features / counts.clamp(min=1), 100.0)
        means += 0.01 * torch.randn(means.shape, generator=generator)
        for _ in range(epochs):
            yield self.fitted(means)

    def fitted(self, means):
        return Nearest(means)


class Tracking(Nearest):
    batch_size = 8

    def evolve(self, generator):
        return Tracking(self.means.clone())

    def learn(self, features):
        self.means.add_(0.01 * (features.mean(0) - self.means))


class Evolving(Means):
    def fitted(self, means):
        return Tracking(means)


class Sharing(Tracking):
    def evolve(self, generator):
        return Tracking(self.means)


class Spoiled(Means):
    """Its stream changes the head that was fitted."""

    def fitted(self, means):
        return Sharing(means)


class Unsettled(Means):
    """Returns no settings, and uses those of the method."""

    def settings(self, of_method):
        return None

    def fit(self, rows, settings, epochs, generator, graphs):
        raise AttributeError("no settings")


class Impatient(Means):
    def fit(self, rows, settings, epochs, generator, graphs):
        yield from super().fit(rows, settings, epochs - 1, generator, graphs)


class Transposed(Means):
    def fitted(self, means):
        return Nearest(means[:-1])


class Unseeded(Means):
    calls = 0

    def fit(self, rows, settings, epochs, generator, graphs):
        Unseeded.calls += 1
        for head in super().fit(rows, settings, epochs, generator, graphs):
            yield Nearest(head.means + 1e-3 * Unseeded.calls)


class Global(Means):
    """Draws from the global stream, though what it draws changes nothing."""

    def fit(self, rows, settings, epochs, generator, graphs):
        torch.randn(3)
        yield from super().fit(rows, settings, epochs, generator, graphs)


class Scaling(Means):
    """Brings the rows it is given to one length, which a second time changes nothing."""

    def fit(self, rows, settings, epochs, generator, graphs):
        rows.semantics.clamp_(max=0.5)
        yield from super().fit(rows, settings, epochs, generator, graphs)


class Dividing(Means):
    def fitted(self, means):
        return Nearest(torch.where(means > 50, torch.nan, means))


class Ignorant(Means):
    def fitted(self, means):
        return Nearest(means.flip(0))


class Wanting(Means):
    """Needs the labels of a whole batch."""

    def fit(self, rows, settings, epochs, generator, graphs):
        rows.labels[torch.arange(settings.batch_size) % (10 * settings.batch_size)]
        yield from super().fit(rows, settings, epochs, generator, graphs)
