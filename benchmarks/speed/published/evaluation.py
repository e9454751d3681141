"""One evaluation of CE-GZSL as published.

Features are synthesized class by class and lie on the host; the head reads batches of syn_num of them, which
are embedded again at each of its steps, and after each of its epochs so are the test rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.published.batches import ShuffledBatches
from gzslbench_benchmarks.speed.published.networks import Embedding, Generator, initialise
from gzslbench_benchmarks.speed.shapes import Shape

LR, BETAS = 1e-3, (0.5, 0.999)
Embed = Callable[[Tensor], tuple[Tensor, ...]]
"""Features to a tuple whose first part the head reads."""


class PublishedHead:
    """A linear layer and a log-softmax over all classes, fitted by autograd and Adam on embedded rows."""

    def __init__(self, embedding: Embed, width: int, classes: int, device: torch.device) -> None:
        self.embedding, self.device = embedding, device
        self.layer = nn.Linear(width, classes)
        initialise(self.layer)
        self.layer.to(device)
        self.log_softmax, self.loss = nn.LogSoftmax(dim=1), nn.NLLLoss()
        self.adam = torch.optim.Adam(self.layer.parameters(), lr=LR, betas=BETAS)

    def step(self, features: Tensor, labels: Tensor) -> None:
        """One step on a batch from the host."""
        self.layer.zero_grad()
        output = self.log_softmax(self.layer(self._embedded(features)))
        self.loss(output, labels.to(self.device)).backward()
        self.adam.step()

    def accuracy(self, features: Tensor, labels: Tensor, classes: range, batch: int) -> float:
        """Mean accuracy over ``classes``, a share; the rows are embedded and scored by the batch."""
        predicted = torch.empty_like(labels)
        for start in range(0, len(labels), batch):
            rows = slice(start, start + batch)
            with torch.no_grad():
                output = self.log_softmax(self.layer(self._embedded(features[rows])))
            predicted[rows] = output.argmax(dim=1).cpu()
        total = 0.0
        for label in classes:
            mine = labels == label
            total += (predicted[mine] == label).float().mean().item() if mine.any() else 0.0
        return total / len(classes)

    def _embedded(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            hidden: Tensor = self.embedding(features.to(self.device))[0]
        return hidden


class PublishedEvaluation:
    """The networks of a trained model (here random) and the data, all rows on the host."""

    def __init__(self, shape: Shape, conditions: Conditions) -> None:
        self.shape, self.device = shape, conditions.device
        self.train, self.test = shape.train_view(), shape.eval_view()
        self.generator = Generator(shape.noise, shape.semantics, shape.generator, shape.features)
        self.embedding = Embedding(shape.features, shape.embedding, shape.projection)
        self.generator.to(self.device)
        self.embedding.to(self.device)

    def evaluate(self) -> list[tuple[float, float]]:
        """U and S after each epoch of a newly fitted head."""
        shape, test = self.shape, self.test
        synthesized, labels = self.synthesize()
        batches = ShuffledBatches(
            torch.cat([self.train.features, synthesized]), torch.cat([self.train.labels, labels])
        )
        head = PublishedHead(self.embedding, shape.embedding, shape.candidates, self.device)
        seen, unseen = range(shape.classes), range(shape.classes, shape.candidates)
        trace = []
        for _ in range(shape.head_epochs):
            for _ in range(0, len(batches.labels), shape.syn_num):
                head.step(*batches.next(shape.syn_num))
            S = head.accuracy(test.seen_features, test.seen_labels, seen, shape.syn_num)
            U = head.accuracy(test.unseen_features, test.unseen_labels, unseen, shape.syn_num)
            trace.append((U, S))
        return trace

    def synthesize(self) -> tuple[Tensor, Tensor]:
        """syn_num features of each unseen class, one class after another, and their labels."""
        shape, count = self.shape, self.shape.syn_num
        features = torch.empty(shape.unseen * count, shape.features)
        labels = torch.empty(shape.unseen * count, dtype=torch.int64)
        for i, label in enumerate(range(shape.classes, shape.candidates)):
            rows = slice(i * count, (i + 1) * count)
            semantics = self.test.semantics[label].repeat(count, 1).to(self.device)
            noise = torch.randn(count, shape.noise, device=self.device)
            with torch.no_grad():
                features[rows] = self.generator(noise, semantics).cpu()
            labels[rows] = label
        return features, labels


def evaluation(shape: Shape, conditions: Conditions) -> Program:
    """An evaluation of the published program, in float32 as ours."""
    return PublishedEvaluation(shape, conditions).evaluate
