"""Evaluating a model: synthesize, embed, fit the head, predict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.computing.instrumentation import span
from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DivergedError, PluginError
from gzslbench.evaluation.checked_method import (
    CheckedMethod,
    build_head_data,
    check_matrix,
    check_settings,
    fit_head,
    score_stream,
)
from gzslbench.evaluation.curve import CurvePoint, seen_unseen_curve
from gzslbench.evaluation.metrics import Metrics, metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.softmax_head import SoftmaxFit
from gzslbench.plugins.head import FittedHead, Head, HeadSettings
from gzslbench.plugins.inputs import HeadData, TrainView
from gzslbench.plugins.method import GenerativeMethod, ScoringMethod
from gzslbench.plugins.spec import Setting

_REGION_BYTES = 1 << 25
"""Bytes of regions that are scored at once; what a method computes of them is several times larger."""


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a model after ``epoch`` epochs of its last stage.

    Attributes:
        trace: The metrics after each epoch of the head, one entry for a scoring method.
        predictions: Those of the last entry.
        best: By entry, the point of highest H of its seen-unseen curve. On test rows it is a peek.
        training_gaps: The ``(n,)`` gaps of the training rows, for the entries with such scores.
    """

    epoch: int
    trace: tuple[Metrics, ...]
    predictions: Predictions
    best: tuple[CurvePoint, ...]
    training_gaps: tuple[NDArray[np.float32], ...] = ()


class Evaluator:
    """Evaluates models of one task; only the evaluator has the test features.

    All random numbers come from streams of the seed named ``evaluation``. So evaluating, and how often,
    changes neither the training nor the global random state.
    """

    def __init__(
        self,
        train_view: TrainView,
        eval_view: EvalView,
        *,
        head: Head | None = None,
        head_setting: Setting = "inductive",
        method_setting: Setting = "inductive",
        chunk: int = 8192,
        graphs: bool = True,
        training_gaps: Literal["none", "last", "every"] = "none",
    ) -> None:
        """Prepare the evaluation of one task.

        Args:
            train_view: The seen training rows.
            eval_view: The test rows of the same task.
            head: Fitted for a generative method; None for the softmax head with the method's settings.
            head_setting: What the head learns from, see ``HeadSpec``.
            method_setting: What the method learns from; only a scoring one can be evolving.
            chunk: Rows embedded or scored at once; fewer of regions, and after memory ran out.
            graphs: Whether a CUDA device replays captured steps of the head; it changes no number.
            training_gaps: The entries of a trace after which the training rows are scored as well, because a
                gamma is passed on by their gaps.
        """
        self.head = SoftmaxFit() if head is None else head
        self.head_setting = head_setting
        self.method_setting = method_setting
        self.graphs = graphs
        self.training_gaps = training_gaps
        self.train = train_view
        self.test = eval_view
        _, *shape = train_view.features.shape
        if len(shape) == 2:
            chunk = max(1, min(chunk, _REGION_BYTES // (4 * math.prod(shape))))
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
        """Evaluate ``method`` in its current state.

        Args:
            method: A generative method, for which a head is fitted, or a scoring one.
            epoch: Completed epochs; also names the random stream.
            seed: The run's root seed.
            head_epochs: Epochs of the head, instead of the method's own number.

        Raises:
            DivergedError: The scores are NaN or infinite.
            PluginError: The method neither synthesizes nor scores, or a result has a wrong shape.
        """
        has_head = hasattr(method, "synthesize") or self.test.real_unseen is not None
        if not has_head and not hasattr(method, "scores"):
            what = "the method has neither synthesize nor scores"
            fix = "implement one of the two, see gzslbench.plugins.method"
            raise PluginError(what, where=type(method).__name__, fix=fix)
        if has_head and self.method_setting == "evolving":
            fix = "give its head the setting evolving, and the method another one"
            raise PluginError("a generative method cannot evolve", where=type(method).__name__, fix=fix)
        with _inference(method):
            if has_head:
                return self._with_head(cast(GenerativeMethod, method), epoch, seed, head_epochs)
            return self._with_scores(cast(ScoringMethod, method), epoch, seed)

    def _with_scores(self, method: ScoringMethod, epoch: int, seed: int) -> Evaluation:
        evolving = self.method_setting == "evolving"
        order = self._row_order(0 if evolving else epoch, seed)
        rows, semantics = self.test.features[order], self.test.semantics
        with span("scoring"):
            checked = CheckedMethod(method, self.chunk)
            if evolving:
                random = generator(rows.device, seed, "evaluation", epoch, "stream")
                seen = self.test.seen.clone()
                shuffled = score_stream(method, rows, len(seen), semantics.clone(), seen, random)
            else:
                shuffled = checked.scores(rows, semantics)
            scores = torch.split(shuffled[order.argsort()], self.chunk.size)
            predictions = predict(scores, self.labels, self.test.seen)
            gaps = []
            if self.training_gaps != "none":
                training = checked.scores(self.train.features, self.test.semantics)
                gaps.append(_finite_gaps([training], self.test.seen, epoch))
        metrics, best = _finite_metrics(predictions, epoch)
        return Evaluation(epoch, (metrics,), predictions, (best,), tuple(gaps))

    def _with_head(
        self, method: GenerativeMethod, epoch: int, seed: int, head_epochs: int | None
    ) -> Evaluation:
        if missing := [name for name in ("settings", "fit") if not callable(getattr(self.head, name, None))]:
            what = f"the head has no {' and no '.join(missing)}"
            raise PluginError(what, where=type(self.head).__name__, fix="see gzslbench.plugins.Head")
        settings = check_settings(self.head.settings(method.head), self.head)
        checked = CheckedMethod(method, self.chunk)
        data, synthesized = build_head_data(checked, settings, self.train, self.test, epoch, seed)
        evolving = self.head_setting == "evolving"
        order = self._row_order(0 if evolving else epoch, seed)
        shuffled = checked.collect(checked.embed(self.test.features[order]), len(order))
        test = shuffled[order.argsort()]
        if self.head_setting == "transductive":
            data = replace(data, unlabelled=shuffled)
        # The head is fitted in float32, at any precision of the networks.
        with torch.autocast(test.device.type, enabled=False):
            with span("zsl head"):
                zsl = self._zsl_predictions(settings, synthesized, test, epoch, seed)
            trace, best, gaps = [], [], []
            training = self._embedded_training_rows(checked, settings, data)
            epochs = settings.epochs if head_epochs is None else head_epochs
            random = generator(test.device, seed, "evaluation", epoch, "head")
            heads = fit_head(self.head, data, settings, epochs, random, self.graphs)
            for done in range(1, epochs + 1):
                with span("head"):
                    head = next(heads)
                with span("scoring"):
                    if evolving:
                        random = generator(test.device, seed, "evaluation", epoch, "stream")
                        evolved = score_stream(head, shuffled, len(self.test.seen), random)
                        scores = iter([evolved[order.argsort()]])
                    else:
                        scores = self._head_scores(head, test)
                    predictions = predict(scores, self.labels, self.test.seen, zsl)
                    if training is not None and (self.training_gaps == "every" or done == epochs):
                        training_scores = self._head_scores(head, training)
                        gaps.append(_finite_gaps(training_scores, self.test.seen, epoch))
                metrics, point = _finite_metrics(predictions, epoch)
                trace.append(metrics)
                best.append(point)
            next(heads, None)  # refuses a head of more passes
        return Evaluation(epoch, tuple(trace), predictions, tuple(best), tuple(gaps))

    def _embedded_training_rows(
        self, method: CheckedMethod, settings: HeadSettings, data: HeadData
    ) -> Tensor | None:
        """Return the training rows as the head sees them; None if their gaps are not needed."""
        rows = len(self.train.labels)
        if self.training_gaps == "none":
            return None
        if settings.seen_per_class == 0:  # the head's data begin with all training rows
            return data.features[:rows]
        return method.collect(method.embed(self.train.features), rows)

    def _zsl_predictions(
        self, settings: HeadSettings, synthesized: Tensor, test: Tensor, epoch: int, seed: int
    ) -> NDArray[np.int64] | None:
        """Predict test_unseen by a second head fitted only on ``synthesized``; None without such a head."""
        if settings.zsl_epochs == 0:
            return None
        unseen, device = self.unseen_classes, synthesized.device
        labels = torch.arange(len(unseen), device=device).repeat_interleave(settings.per_class)
        random = generator(device, seed, "evaluation", epoch, "zsl-head")
        # A copy, for the other head is fitted on these rows too.
        data = HeadData(synthesized.clone(), labels, self.test.semantics[unseen], self.test.seen[unseen])
        *_, head = fit_head(self.head, data, settings, settings.zsl_epochs, random, self.graphs)
        test_unseen = test[len(self.test.seen_labels) :]
        scores = torch.cat(list(self._head_scores(head, test_unseen, len(unseen))))
        zsl: NDArray[np.int64] = unseen[scores.argmax(dim=1)].cpu().numpy()
        return zsl

    def _head_scores(self, head: FittedHead, rows: Tensor, classes: int | None = None) -> Iterator[Tensor]:
        """Yield the scores of parts of ``(n, e)`` rows, for all classes or for so many."""
        width = len(self.test.seen) if classes is None else classes

        def score(part: Tensor) -> Tensor:  # a copy, for a head may write into its argument
            return check_matrix("scores", head, head.scores(part.clone()), len(part), width)

        yield from self.chunk.map_chunks(rows, score)

    def _row_order(self, epoch: int, seed: int) -> Tensor:
        """Draw an order of the test rows, so that their position does not show a method which are unseen.

        A stream takes the order of epoch 0 at every evaluation, so that only the seed decides it.
        """
        device = self.test.features.device
        random = generator(device, seed, "evaluation", epoch, "order")
        return torch.randperm(len(self.labels), generator=random, device=device)


def predict(
    scores: Iterable[Tensor],
    labels: NDArray[np.int64],
    seen: Tensor,
    zsl: NDArray[np.int64] | None = None,
) -> Predictions:
    """Turn blocks of ``(m, K)`` scores of test_seen, then test_unseen, into predictions.

    Where scores are not finite, neither is the gap. ``zsl`` has predictions of test_unseen with unseen
    candidates only; None takes them from ``scores``.
    """
    blocks = [_best_of_sides(block, seen) for block in scores]
    of_seen, of_unseen, gap = (torch.cat(parts).cpu().numpy() for parts in zip(*blocks, strict=True))
    mask = seen.cpu().numpy()
    by_scores: NDArray[np.int64] = of_unseen[~mask[labels]]
    return Predictions(labels, of_seen, of_unseen, gap, by_scores if zsl is None else zsl, mask)


def _best_of_sides(scores: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return, by row, the best seen class, the best unseen one, and the difference of their scores."""
    seen_score, best_seen = scores.masked_fill(~seen, -torch.inf).max(dim=1)
    unseen_score, best_unseen = scores.masked_fill(seen, -torch.inf).max(dim=1)
    return best_seen, best_unseen, seen_score.float() - unseen_score.float()


def _finite_gaps(scores: Iterable[Tensor], seen: Tensor, epoch: int) -> NDArray[np.float32]:
    """Return the gaps of training rows, after checking that the scores behind them are finite."""
    gaps: NDArray[np.float32] = torch.cat([_best_of_sides(block, seen)[2] for block in scores]).cpu().numpy()
    _check_finite(gaps, epoch)
    return gaps


def _finite_metrics(predictions: Predictions, epoch: int) -> tuple[Metrics, CurvePoint]:
    """Compute metrics and the best point of the curve, after checking that the scores are finite."""
    _check_finite(predictions.gap, epoch)
    with span("metrics"):
        curve = seen_unseen_curve(predictions)
        return metrics_of(predictions, curve), curve.best


def _check_finite(gaps: NDArray[np.float32], epoch: int) -> None:
    infinite = gaps[~np.isfinite(gaps)]
    if len(infinite):
        raise DivergedError("scores", float(infinite[0]), "evaluation", epoch)


@contextmanager
def _inference(method: GenerativeMethod | ScoringMethod) -> Iterator[None]:
    """Turn gradients off and evaluation mode on inside; restore the modes afterwards.

    Refuse a method whose networks change inside, because it could learn from test rows.
    """

    def versions() -> list[int]:
        state = method.modules.state_dict(keep_vars=True).values()  # with the extra state of a module, if any
        return [value._version for value in state if isinstance(value, Tensor)]

    before = versions()
    training = [module for module in method.modules.modules() if module.training]
    method.modules.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
    if versions() != before:
        what = "the method changed its networks while it was evaluated"
        fix = "do not change parameters or buffers in synthesize, embed and scores"
        raise PluginError(what, where=type(method).__name__, fix=fix)
