"""Evaluating a model: synthesize, embed, fit the head, predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gzslbench.computing.instrumentation import span
from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView, TrainView
from gzslbench.errors import DivergedError, PluginError
from gzslbench.evaluation.evaluation import Evaluation
from gzslbench.evaluation.gathering import gather
from gzslbench.evaluation.head_rows import HeadRows
from gzslbench.evaluation.metrics import Metrics, metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.ranking import predict
from gzslbench.evaluation.softmax_head import SoftmaxFit
from gzslbench.evaluation.subject import Subject
from gzslbench.plugins.setting import Setting

if TYPE_CHECKING:
    from gzslbench.plugins.head import Head, HeadSettings
    from gzslbench.plugins.method import GenerativeMethod, ScoringMethod


class Evaluator:
    """Evaluates models of one task; it alone holds the test features.

    All random numbers come from streams of the seed named ``evaluation``, so evaluating, and how often,
    changes neither training nor the global random state.
    """

    def __init__(
        self,
        train_view: TrainView,
        eval_view: EvalView,
        *,
        head: Head | None = None,
        head_setting: Setting = "inductive",
        chunk: int = 8192,
        graphs: bool = True,
    ) -> None:
        """Take both views.

        Args:
            train_view: Of the seen training rows.
            eval_view: Of the same task.
            head: Fitted for a generative method; None for the softmax head of its own settings.
            head_setting: What the head sees; a transductive one gets the unlabelled test rows.
            chunk: Rows embedded or scored at once; it shrinks where memory runs out.
            graphs: Whether a CUDA device replays captured steps of the head; it changes no number.
        """
        self.head = SoftmaxFit() if head is None else head
        self.head_setting = head_setting
        self.graphs = graphs
        self.train = train_view
        self.test = eval_view
        self.chunk = Chunk(chunk, "rows evaluated at once")
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
            fix="implement one of the two, see gzslbench.plugins.method",
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
        settings, subject = self.head.settings(method.head), Subject(method, self.chunk)
        rows, synthesized = gather(subject, settings, self.train, self.test, epoch, seed)
        order = self._order(epoch, seed)
        disordered = subject.gathered(subject.embed(self.test.features[order]), len(order))
        test = disordered[order.argsort()]
        if self.head_setting == "transductive":
            rows = replace(rows, unlabelled=disordered)
        # The head is fitted in float32 whatever the precision of the networks.
        with torch.autocast(test.device.type, enabled=False):
            with span("zsl head"):
                zsl = self._zsl_predictions(settings, synthesized, test, epoch, seed)
            trace = []
            epochs = settings.epochs if head_epochs is None else head_epochs
            random = generator(test.device, seed, "evaluation", epoch, "head")
            heads = self.head.fit(rows, settings, epochs, random, self.graphs)
            for _ in range(epochs):
                with span("head"):
                    head = next(heads)
                with span("scoring"):
                    scores = self.chunk.map_chunks(test, head.scores)
                    predictions = predict(scores, self.labels, self.test.seen, zsl)
                trace.append(_finite_metrics(predictions, epoch))
        return Evaluation(epoch, tuple(trace), predictions)

    def _zsl_predictions(
        self, settings: HeadSettings, synthesized: Tensor, test: Tensor, epoch: int, seed: int
    ) -> NDArray[np.int64] | None:
        """What a second head, fitted on ``synthesized`` alone, predicts for test_unseen; None without one."""
        if settings.zsl_epochs == 0:
            return None
        classes = torch.arange(len(self.unseen_classes), device=synthesized.device)
        random = generator(synthesized.device, seed, "evaluation", epoch, "zsl-head")
        rows = HeadRows(
            synthesized,
            classes.repeat_interleave(settings.per_class),
            self.test.semantics[self.unseen_classes],
            self.test.seen[self.unseen_classes],
        )
        for fitted in self.head.fit(rows, settings, settings.zsl_epochs, random, self.graphs):
            head = fitted
        scores = torch.cat(list(self.chunk.map_chunks(test[len(self.test.seen_labels) :], head.scores)))
        zsl: NDArray[np.int64] = self.unseen_classes[scores.argmax(dim=1)].cpu().numpy()
        return zsl

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
