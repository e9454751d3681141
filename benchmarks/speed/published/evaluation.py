"""An evaluation of a method with the habits of the published programs.

Features are synthesized class by class and lie on the host; the head reads batches of them, which are
embedded again at each of its steps, and after each of its epochs so are the test rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.data.views import EvalView
from gzslbench.plugins import ClassNoise, TrainView
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.ours import ce_gzsl_params
from gzslbench_benchmarks.speed.published.batches import ShuffledBatches
from gzslbench_benchmarks.speed.published.training import build_plain
from gzslbench_benchmarks.speed.shapes import Shape
from gzslbench_methods.ce_gzsl import SPEC as CE_GZSL
from gzslbench_methods.layers import linear

LR, BETAS = 1e-3, (0.5, 0.999)
Embed = Callable[[Tensor], Tensor]
"""``(n, d)`` features to the ``(n, e)`` rows that the head reads."""


class PublishedHead:
    """A linear layer and a log-softmax over all classes, fitted by autograd and Adam on embedded rows."""

    def __init__(self, embed: Embed, width: int, classes: int, device: torch.device) -> None:
        self.embed, self.device = embed, device
        self.layer = linear(width, classes).to(device)
        self.log_softmax, self.loss = nn.LogSoftmax(dim=1), nn.NLLLoss()
        self.adam = torch.optim.Adam(self.layer.parameters(), lr=LR, betas=BETAS)

    def step(self, features: Tensor, labels: Tensor) -> None:
        """One step on a batch from the host."""
        self.layer.zero_grad()
        output = self.log_softmax(self.layer(self._embedded(features)))
        self.loss(output, labels.to(self.device)).backward()
        self.adam.step()

    def accuracy(self, features: Tensor, labels: Tensor, classes: Tensor, batch: int) -> float:
        """Mean accuracy over ``classes``, a share; the rows are embedded and scored by the batch."""
        predicted = torch.empty_like(labels)
        for start in range(0, len(labels), batch):
            rows = slice(start, start + batch)
            with torch.no_grad():
                output = self.log_softmax(self.layer(self._embedded(features[rows])))
            predicted[rows] = output.argmax(dim=1).cpu()
        return mean_accuracy(predicted, labels, classes)

    def _embedded(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self.embed(features.to(self.device))


def mean_accuracy(predicted: Tensor, labels: Tensor, classes: Tensor) -> float:
    """Return the mean over ``classes`` of the share of their rows that are predicted; 0 without rows."""
    total = 0.0
    for label in classes.tolist():
        mine = labels == label
        total += (predicted[mine] == label).float().mean().item() if mine.any() else 0.0
    return total / len(classes)


class PublishedEvaluation:
    """A trained method and the data, all rows on the host."""

    def __init__(self, method: Any, train: TrainView, test: EvalView) -> None:
        self.method, self.device, self.semantics = method, train.features.device, test.semantics
        self.features, self.labels = train.features.cpu(), train.labels.cpu()
        self.classes = [test.seen.nonzero().squeeze(1).cpu(), (~test.seen).nonzero().squeeze(1).cpu()]
        self.rows = [test.seen_features.cpu(), test.unseen_features.cpu()]
        self.row_labels = [test.seen_labels.cpu(), test.unseen_labels.cpu()]

    def evaluate(self) -> list[tuple[float, ...]]:
        """S and U after each epoch of a newly fitted head; of a scoring method once."""
        self.method.modules.eval()
        try:
            return self._with_scores() if hasattr(self.method, "scores") else self._with_head()
        finally:
            self.method.modules.train()

    def synthesize(self) -> tuple[Tensor, Tensor]:
        """Synthesize the features of each unseen class, one class after another; return them and labels."""
        parts, labels = [], []
        for label in self.classes[1].tolist():
            noise = ClassNoise([self._stream()], self.method.head.per_class)
            with torch.no_grad():
                parts.append(self.method.synthesize(self.semantics[label : label + 1], noise).cpu())
            labels.append(torch.full((len(parts[-1]),), label))
        return torch.cat(parts), torch.cat(labels)

    def sample(self) -> tuple[Tensor, Tensor]:
        """Return the head's rows of the seen classes, and their labels.

        They are the training rows, or for some methods equally many embedded rows of each class.
        """
        count = self.method.head.seen_per_class
        if count == 0:
            return self.features, self.classes[0][self.labels]
        parts = []
        for position in range(len(self.classes[0])):
            own = self.features[self.labels == position]
            rows = own[torch.randperm(len(own))].repeat(-(-count // len(own)), 1)[:count].to(self.device)
            with torch.no_grad():
                parts.append(self.method.sample(rows, ClassNoise([self._stream()], count)).cpu())
        return torch.cat(parts), self.classes[0].repeat_interleave(count)

    def _with_head(self) -> list[tuple[float, ...]]:
        settings, embed, rows = self.method.head, self.method.embed, self.rows
        if settings.space == "embedding":  # the published programs too embed such rows only once
            with torch.no_grad():
                rows, embed = [embed(part.to(self.device)).cpu() for part in rows], _as_it_is
        (seen, seen_labels), (unseen, unseen_labels) = self.sample(), self.synthesize()
        batches = ShuffledBatches(torch.cat([seen, unseen]), torch.cat([seen_labels, unseen_labels]))
        width = embed(seen[:2].to(self.device)).shape[1]
        head = PublishedHead(embed, width, len(self.semantics), self.device)
        size, trace = min(settings.batch_size, len(batches.labels)), []
        for _ in range(settings.epochs):
            for _ in range(0, len(batches.labels), size):
                head.step(*batches.next(size))
            tested = zip(rows, self.row_labels, self.classes, strict=True)
            trace.append(tuple(head.accuracy(*each, size) for each in tested))
        return trace

    def _with_scores(self) -> list[tuple[float, ...]]:
        found = []
        for rows, labels, classes in zip(self.rows, self.row_labels, self.classes, strict=True):
            with torch.no_grad():
                scores = self.method.scores(rows.to(self.device), self.semantics)
            found.append(mean_accuracy(scores.argmax(1).cpu(), labels, classes))
        return [tuple(found)]

    def _stream(self) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(int(torch.randint(1 << 31, ())))


def _as_it_is(rows: Tensor) -> Tensor:
    return rows


def evaluation(shape: Shape, conditions: Conditions) -> Program:
    """An evaluation of CE-GZSL, in float32 as ours."""
    view = shape.train_view(conditions.device)
    method = build_plain(CE_GZSL, view, ce_gzsl_params(shape))
    return PublishedEvaluation(method, view, shape.eval_view(conditions.device)).evaluate
