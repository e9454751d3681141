"""Batches of the training view, drawn on the device that holds the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import span
from gzslbench.computing.seeds import PermutationSampler
from gzslbench.data.region_rows import RegionRows, scale
from gzslbench.data.views import as_region_rows
from gzslbench.errors import PluginError
from gzslbench.plugins.inputs import Batch, TrainView
from gzslbench.plugins.method import Episodes, HeldOut, Sampling, Stage


def rows_per_batch(view: TrainView, batch_size: int, sampling: Sampling | Episodes | HeldOut) -> int:
    """Return how many rows a batch really has: no more than there are rows, or classes for an episode."""
    if isinstance(sampling, Episodes):
        classes = int((view.labels.bincount() > 0).sum())
        return min(sampling.classes, classes) * sampling.rows
    return min(batch_size, len(view.labels))


def loop_lengths(view: TrainView, stage: Stage) -> tuple[int, ...]:
    """Return the iterations of each loop of an epoch."""
    rows = rows_per_batch(view, stage.batch_size, stage.sampling)
    return stage.iterations or (math.ceil(len(view.labels) / rows),) * stage.loops


class Sampler:
    """Draws batches of at most ``batch_size`` rows.

    ``draw``: each batch is a fresh random subset without repetition, independent of the one before.
    ``pass``: full batches walk through one permutation after another.
    ``balanced``: each row is a random row of a random class.
    ``Episodes``: equally many rows of a few random classes.
    ``HeldOut``: rows of the classes that the epoch holds out, or of the others.

    Nothing here waits for the device, so that a draw can be part of a CUDA graph.

    Attributes:
        epoch: ``()`` the completed epochs that its batches carry; the stage sets it.
    """

    def __init__(
        self,
        view: TrainView,
        batch_size: int,
        sampling: Sampling | Episodes | HeldOut,
        rows: torch.Generator,
        noise: torch.Generator,
    ) -> None:
        self.view = view
        regions = as_region_rows(view.features)
        self.reader = None if regions is None else ReadAhead(regions)
        self.batch_size = rows_per_batch(view, batch_size, sampling)
        # Grouping the rows makes the host wait for the device, so only batches that need it have it.
        by_class = sampling == "balanced" or isinstance(sampling, Episodes)
        self._labels = view.labels.to(rows.device)
        self._by_class = RowsByClass(self._labels) if by_class else None
        self.sampling = sampling
        self._held_out = HeldOutRows(view.labels, sampling) if isinstance(sampling, HeldOut) else None
        if self._held_out is not None and self.reader is not None:
            what, fix = "region features are read ahead, not by held-out classes", "choose another sampling"
            raise PluginError(what, where="Stage.sampling", fix=fix)
        self.rows = rows
        self.noise = noise
        self.epoch = torch.zeros((), device=view.labels.device)
        self._permutations = PermutationSampler(len(view.labels), rows, rows.device)

    def start_epoch(self, epoch: int) -> None:
        """Give the batches the number of completed epochs; hold out other classes where some are."""
        self.epoch.fill_(epoch)
        if self._held_out is not None:
            self._held_out.choose(self.rows)

    def batch(self, held_out: bool = False) -> Batch:
        """Draw the next batch, of the held-out classes or of the others."""
        batch = self.reserve(held_out)
        self.fill(batch, held_out)
        return batch

    def reserve(self, held_out: bool = False) -> Batch:
        """Allocate a batch; ``fill`` writes its rows."""
        features, labels = self.view.features, self.view.labels
        size = self._held_out.size if held_out and self._held_out else self.batch_size
        rows = torch.empty(size, *features.shape[1:], device=labels.device)
        return Batch(rows, labels.new_empty(size), self.noise, self.epoch)

    def fill(self, batch: Batch, held_out: bool = False) -> None:
        """Write the next batch into the memory of ``batch``."""
        with span("batch"):
            if self.reader is not None:
                self.reader.fill(batch, self._draw)
                return
            rows = self._next_rows(len(batch), held_out)
            torch.index_select(self.view.features, 0, rows, out=batch.features)
            torch.index_select(self.view.labels, 0, rows, out=batch.labels)

    def state_dict(self) -> dict[str, Any]:
        """Return the state from which a resumed run draws the same batches."""
        ahead = None if self.reader is None else self.reader.state
        return {**(ahead or self._position()), "noise": self.noise.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        if self.reader is not None:
            self.reader.forget()
        self.rows.set_state(state["rows"].cpu())
        self.noise.set_state(state["noise"].cpu())
        remaining, rows = state["remaining"], self._permutations.rows
        if (
            remaining.dtype != torch.int64
            or remaining.ndim != 1
            or ((remaining < 0) | (remaining >= rows)).any()
        ):
            raise ValueError("the rows that are still to come are not rows of the data")
        self._permutations.remaining = remaining
        if self._held_out is not None:
            self._held_out.chosen.copy_(state["held_out"])

    def _position(self) -> dict[str, Any]:
        held_out = {} if self._held_out is None else {"held_out": self._held_out.chosen.clone()}
        return {"rows": self.rows.get_state(), "remaining": self._permutations.remaining, **held_out}

    def _draw(self) -> tuple[dict[str, Any], Tensor, Tensor]:
        """Return the position before the draw, the drawn rows, and their labels, all on the host."""
        position, rows = self._position(), self._next_rows(self.batch_size, held_out=False)
        return position, rows, torch.index_select(self._labels, 0, rows)

    def _next_rows(self, size: int, held_out: bool) -> Tensor:
        if self._held_out is not None:
            return self._held_out.draw(size, held_out, self.rows)
        if self.sampling == "pass":
            return self._permutations.next(self.batch_size)
        if self._by_class is not None:
            if not isinstance(self.sampling, Episodes):
                return self._by_class.balanced(self.batch_size, self.rows)
            rows = self.sampling.rows
            return self._by_class.episode(self.batch_size // rows, rows, self.rows)
        labels = self._labels
        order = torch.randperm(len(labels), generator=self.rows, device=labels.device)
        return order[: self.batch_size]


class ReadAhead:
    """Reads the regions of the next batch while the current one trains.

    Attributes:
        state: Where the sampler was before it drew the rows that are read ahead; None: nothing is.
    """

    def __init__(self, features: RegionRows) -> None:
        self.features = features
        self.state: dict[str, Any] | None = None
        self._thread = ThreadPoolExecutor(1, "regions")
        self._pending: Future[Tensor] | None = None
        self._labels = torch.empty(0)

    def fill(self, batch: Batch, draw: Callable[[], tuple[dict[str, Any], Tensor, Tensor]]) -> None:
        """Write the rows that were read ahead into ``batch``, and start to read those of the next draw."""
        if self._pending is None:
            self._start(draw)
        assert self._pending is not None
        batch.features.copy_(self._pending.result(), non_blocking=True)
        batch.labels.copy_(self._labels, non_blocking=True)
        scale(batch.features, self.features.preprocessing)
        self._start(draw)

    def forget(self) -> None:
        """Drop what was read ahead."""
        self.state = self._pending = None

    def _start(self, draw: Callable[[], tuple[dict[str, Any], Tensor, Tensor]]) -> None:
        self.state, rows, self._labels = draw()
        self._pending = self._thread.submit(self._read, rows)

    def _read(self, rows: Tensor) -> Tensor:
        read = self.features.take(rows)
        return read.pin_memory() if self.features.device.type == "cuda" else read


class RowsByClass:
    """Draws rows class by class, among the classes that have rows."""

    def __init__(self, labels: Tensor) -> None:
        counts = labels.bincount()
        present = counts > 0
        self.ranks = (present.cumsum(0) - 1)[labels]
        self.counts = counts[present]
        self.starts = self.counts.cumsum(0) - self.counts
        self.order = self.ranks.argsort(stable=True)

    def balanced(self, size: int, random: torch.Generator) -> Tensor:
        """``(size,)`` rows, each of a random class; classes and rows may repeat."""
        device = self.counts.device
        classes = torch.randint(len(self.counts), (size,), generator=random, device=device)
        counts = self.counts[classes]
        places = torch.rand(size, generator=random, device=device, dtype=torch.float64) * counts
        return self.order.index_select(0, self.starts[classes] + places.long().clamp(max=counts - 1))

    def episode(self, classes: int, rows: int, random: torch.Generator) -> Tensor:
        """``(classes * rows,)`` rows of so many random classes, the rows of one class together."""
        device = self.counts.device
        chosen = torch.randperm(len(self.counts), generator=random, device=device)[:classes, None]
        # A random number within each class decides their order; the class comes first.
        keys = self.ranks + torch.rand(len(self.ranks), generator=random, device=device, dtype=torch.float64)
        shuffled = keys.argsort()
        places = torch.arange(rows, device=device) % self.counts[chosen]
        return shuffled.index_select(0, (self.starts[chosen] + places).flatten())


class HeldOutRows:
    """Draws rows of the classes that an epoch holds out, or of the others.

    Attributes:
        chosen: ``(n,)`` bool, the rows of the held-out classes.
        size: Rows of a batch of these.
    """

    def __init__(self, labels: Tensor, sampling: HeldOut) -> None:
        present, self._ranks = labels.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        self._classes, self._held_out = len(present), min(sampling.classes, len(present) - 1)
        self.size = min(sampling.rows, len(labels))
        self.chosen = torch.zeros_like(labels, dtype=torch.bool)

    def choose(self, random: torch.Generator) -> None:
        """Hold out other classes, in the same memory."""
        order = torch.randperm(self._classes, generator=random, device=self.chosen.device)
        self.chosen.copy_(order[self._ranks] < self._held_out)

    def draw(self, size: int, held_out: bool, random: torch.Generator) -> Tensor:
        """``(size,)`` rows of one side, repeated where it has fewer; with a single class, of all rows."""
        device = self.chosen.device
        side = (self.chosen == held_out) | (self._held_out == 0)
        keys = torch.rand(len(side), generator=random, device=device, dtype=torch.float64)
        first = (keys + ~side).argsort()  # the rows of the side come first, in a random order
        return first.index_select(0, torch.arange(size, device=device) % side.sum())
