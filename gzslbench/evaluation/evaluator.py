"""Evaluating a model: synthesize, embed, fit the head, predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gzslbench.computing.chunk import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.computing.span import span
from gzslbench.data.views import EvalView, TrainView
from gzslbench.errors import DivergedError, PluginError
from gzslbench.evaluation.evaluation import Evaluation
from gzslbench.evaluation.metrics import Metrics, metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.ranking import predict
from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.evaluation.subject import Subject

if TYPE_CHECKING:
    from gzslbench.method import GenerativeMethod, HeadSettings, ScoringMethod


class Evaluator:
    """Evaluates models of one task; it alone holds the test features.

    All random numbers come from streams of the seed named ``evaluation``, so evaluating, and how often,
    changes neither training nor the global random state.
    """

    def __init__(
        self, train_view: TrainView, eval_view: EvalView, *, chunk: int = 8192, graphs: bool = True
    ) -> None:
        """Take both views.

        Args:
            train_view: Of the seen training rows.
            eval_view: Of the same task.
            chunk: Rows embedded or scored at once; it shrinks where memory runs out.
            graphs: Whether a CUDA device replays captured steps of the head; it changes no number.
        """
        self.graphs = graphs
        self.train = train_view
        self.test = eval_view
        self.chunk = Chunk(chunk, "rows evaluated at once")
        self.seen_classes = eval_view.seen.nonzero().squeeze(1)
        self.unseen_classes = (~eval_view.seen).nonzero().squeeze(1)
        self.labels: NDArray[np.int64] = eval_view.labels.cpu().numpy()

    def evaluate(
        self,
        method: GenerativeMethod | ScoringMethod,
        epoch: int,
        seed: int,
        head_epochs: int | None = None,
    ) -> Evaluation:
        """The metrics of ``method`` as it stands.

        Args:
            method: A generative method, for which a head is fitted, or a scoring one.
            epoch: Completed epochs; also names the random stream.
            seed: The run's root seed.
            head_epochs: Fit the head for so many epochs instead of the method's own number.

        Raises:
            DivergedError: The scores are NaN or infinite.
            PluginError: The method neither synthesizes nor scores, or returns another shape than asked for.
        """
        with _inference(method.modules), _unchanged(method):
            if hasattr(method, "synthesize"):
                return self._with_head(cast("GenerativeMethod", method), epoch, seed, head_epochs)
            if hasattr(method, "scores"):
                return self._with_scores(method, epoch, seed)
        raise PluginError(
            "the method has neither synthesize nor scores",
            where=type(method).__name__,
            fix="implement one of the two, see gzslbench.method",
        )

    def _with_scores(self, method: ScoringMethod, epoch: int, seed: int) -> Evaluation:
        order = self._order(epoch, seed)
        with span("scoring"):
            asked = Subject(method, self.chunk).scores(self.test.features[order], self.test.semantics)
            scores = torch.split(asked[order.argsort()], self.chunk.size)
            predictions = predict(scores, self.labels, self.test.seen)
        return Evaluation(epoch, (_finite_metrics(predictions, epoch),), predictions)

    def _with_head(
        self, method: GenerativeMethod, epoch: int, seed: int, head_epochs: int | None
    ) -> Evaluation:
        settings, real, subject = method.head, len(self.train.labels), Subject(method, self.chunk)
        blocks = chain([self.train.features], self._synthesized(subject, epoch, seed))
        features = subject.embed(blocks, real + len(self.unseen_classes) * settings.per_class)
        order = self._order(epoch, seed)
        test = subject.embed([self.test.features[order]], len(order))[order.argsort()]
        unseen_labels = self.unseen_classes.repeat_interleave(settings.per_class)
        labels = torch.cat([self.seen_classes[self.train.labels], unseen_labels])
        # The head is fitted in float32 whatever the precision of the networks.
        with torch.autocast(features.device.type, enabled=False):
            with span("zsl head"):
                zsl = self._zsl_predictions(settings, features[real:], test, epoch, seed)
            trace = []
            epochs = settings.epochs if head_epochs is None else head_epochs
            random = generator(features.device, seed, "evaluation", epoch, "head")
            heads = fit_softmax_head(
                features, labels, len(self.test.seen), settings, epochs, random, self.graphs
            )
            for _ in range(epochs):
                with span("head"):
                    head = next(heads)
                with span("scoring"):
                    scores = self.chunk.over(test, head.scores)
                    predictions = predict(scores, self.labels, self.test.seen, zsl)
                trace.append(_finite_metrics(predictions, epoch))
        return Evaluation(epoch, tuple(trace), predictions)

    def _zsl_predictions(
        self, settings: HeadSettings, synthesized: Tensor, test: Tensor, epoch: int, seed: int
    ) -> NDArray[np.int64] | None:
        """What a second head, fitted on ``synthesized`` alone, predicts for test_unseen; None without one."""
        if settings.zsl_epochs == 0:
            return None
        classes = len(self.unseen_classes)
        random = generator(synthesized.device, seed, "evaluation", epoch, "zsl-head")
        labels = torch.arange(classes, device=synthesized.device).repeat_interleave(settings.per_class)
        epochs, graphs = settings.zsl_epochs, self.graphs
        for fitted in fit_softmax_head(synthesized, labels, classes, settings, epochs, random, graphs):
            head = fitted
        scores = torch.cat(list(self.chunk.over(test[len(self.test.seen_labels) :], head.scores)))
        zsl: NDArray[np.int64] = self.unseen_classes[scores.argmax(dim=1)].cpu().numpy()
        return zsl

    def _synthesized(self, subject: Subject, epoch: int, seed: int) -> Iterator[Tensor]:
        """The features of the unseen classes, each drawn from a stream that its position names."""
        semantics, positions = self.test.semantics[self.unseen_classes], self.unseen_classes.tolist()

        def stream(unseen: int) -> torch.Generator:
            return generator(semantics.device, seed, "evaluation", epoch, "synthesis", positions[unseen])

        return subject.synthesized(semantics, self.train.features.shape[1], stream)

    def _order(self, epoch: int, seed: int) -> Tensor:
        """A random order of the test rows, so that a method cannot tell seen from unseen by their place."""
        device = self.test.features.device
        random = generator(device, seed, "evaluation", epoch, "order")
        return torch.randperm(len(self.labels), generator=random, device=device)


def _finite_metrics(predictions: Predictions, epoch: int) -> Metrics:
    """The metrics, once it is sure that the scores they come from are numbers."""
    infinite = predictions.gap[~np.isfinite(predictions.gap)]
    if len(infinite):
        raise DivergedError("scores", float(infinite[0]), "evaluation", epoch)
    with span("metrics"):
        return metrics_of(predictions)


@contextmanager
def _unchanged(method: GenerativeMethod | ScoringMethod) -> Iterator[None]:
    """Refuse a method whose networks change inside, for then it would have learned from test rows."""

    def versions() -> list[int]:
        return [tensor._version for tensor in method.modules.state_dict(keep_vars=True).values()]

    before = versions()
    yield
    if versions() != before:
        raise PluginError(
            "the method changed its networks while it was evaluated",
            where=type(method).__name__,
            fix="leave parameters and buffers alone in synthesize, embed and scores",
        )


@contextmanager
def _inference(modules: nn.ModuleDict) -> Iterator[None]:
    """No gradients and evaluation mode inside; each module's mode as before outside."""
    training = [module for module in modules.modules() if module.training]
    modules.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
