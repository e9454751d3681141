"""Run a method and its three controls, and judge the method by them: ``gzslbench controls``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import factorial
from statistics import fmean
from typing import Literal

import numpy as np

from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.controls import compare_with_chance
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.uncertainty import class_shares, compare_over_classes, join_seeds
from gzslbench.runs.cell import CONTROLS
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.progress import Watch
from gzslbench.runs.store import Store
from gzslbench.runs.verify import read_predictions

Status = Literal["failed", "undecided", "passed"]
LEVEL = 0.01
"""A difference is significant if chance explains it with a lower probability."""
METRICS = ("T1", "U", "S", "H")
MEANINGS = {
    "shuffled is at chance": "the method may know the unseen classes from something else than their"
    " semantics; look for test rows or labels that reach it by files, globals or the order of classes",
    "method is above shuffled": "the method may not use the semantics, they may say nothing about how the"
    " unseen classes look, or the training is too short",
    "method is not above oracle": "test labels may reach the method; or the head is too weak for these"
    " features: try another head, or more epochs of the head",
}
"""What is true of a sound method, and what it may mean if it is not."""
VERDICTS: Mapping[Status, str] = {
    "failed": "do not use these numbers before you can explain what failed",
    "undecided": "nothing failed, but the dataset is too small to test everything",
    "passed": "the method uses the semantics, and nothing points to a leak",
}
"""By the worst status of a judgement, the worst first."""


@dataclass(frozen=True)
class ControlsResult:
    """The ids of the runs by ``method`` and ``CONTROLS``, their means over seeds in percent, and judgements.

    A judgement has a status of ``VERDICTS`` and the numbers, by the name of what is judged.
    """

    task: str
    runs: Mapping[str, Sequence[str]]
    means: Mapping[str, Mapping[str, float]]
    judgements: Mapping[str, tuple[Status, str]]

    @property
    def status(self) -> Status:
        """The worst status of a judgement."""
        found = {status for status, _ in self.judgements.values()}
        return next(status for status in VERDICTS if status in found)


def run_controls(request: Request, store: Store, options: Options, watch: Watch) -> ControlsResult:
    """Run a method and its controls, or read their finished runs in ``store``, and judge.

    Each seed has its own shuffle of the semantics, 1 for the first. ``watch`` shows the progress of a cell.

    Raises:
        StoreError: A run diverged.
    """
    dataset = None
    runs: dict[str, list[str]] = {name: [] for name in ("method", *CONTROLS)}
    means: dict[str, dict[str, float]] = {}
    predictions: dict[str, list[Predictions]] = {name: [] for name in runs}
    for name in runs:
        metrics = []
        for shuffle, seed in enumerate(request.seeds or (0,), start=1):
            control, shuffled = (None if name == "method" else name), shuffle if name == "shuffled" else None
            own = replace(request, seeds=(seed,), control=control, shuffle_semantics=shuffled)
            plan = make_plan(own, dataset)
            dataset = dataset or plan.dataset  # that of the method, before it is shuffled
            with watch(plan.cells[0]) as progress:
                record, folder = run_cell(plan, plan.cells[0], store, options, progress)
            found = read_predictions(record, folder)
            runs[name].append(record.id)
            metrics.append(record.headline)
            predictions[name].append(calibrate(found, getattr(record.headline, "gamma", None)))
        means[name] = {metric: fmean(getattr(one, metric) for one in metrics) for metric in METRICS}
    assert dataset is not None
    judgements = dict(zip(MEANINGS, _judge(means, predictions), strict=True))
    return ControlsResult(dataset.task_id, runs, means, judgements)


def _judge(
    means: Mapping[str, Mapping[str, float]], predictions: Mapping[str, Sequence[Predictions]]
) -> Iterator[tuple[Status, str]]:
    at_chance, above_shuffled, not_above_oracle = MEANINGS.values()
    shares = {name: join_seeds([class_shares(run) for run in runs]) for name, runs in predictions.items()}

    def compare(control: str, metric: str) -> tuple[str, float | None]:
        text = f"{metric} {means['method'][metric]:.1f} against {means[control][metric]:.1f}"
        difference = compare_over_classes(shares["method"], shares[control], metric)
        if difference is None:
            return text, None
        half = difference.probability / 2  # the test is one-sided
        return text, half if difference.value > 0 else 1 - half

    def chance(metric: str) -> tuple[str, float | None]:
        observed, drawn = compare_with_chance(predictions["shuffled"], metric == "T1")
        text = f"{metric} {observed:.1f}, by chance {drawn.mean():.1f} ± {drawn.std():.1f}"
        probability = (1 + np.sum(drawn > observed - 1e-9)) / (1 + len(drawn))
        unseen = int((~predictions["shuffled"][0].seen).sum())
        decides = factorial(unseen) ** len(predictions["shuffled"]) > 2 / LEVEL
        return text, float(probability) if decides else None

    yield _decide([chance("T1"), chance("U")], at_chance)
    yield _decide([compare("shuffled", "T1")], above_shuffled, expected=True)
    yield _decide([compare("oracle", "T1"), compare("oracle", "H")], not_above_oracle)


def _decide(
    tests: Sequence[tuple[str, float | None]], meaning: str, expected: bool = False
) -> tuple[Status, str]:
    """Judge by texts and probabilities of tests, with Bonferroni's correction; None: no test."""
    what, found = "; ".join(text for text, _ in tests), [value for _, value in tests if value is not None]
    if len(found) < len(tests):
        return "undecided", f"{what}; there are too few classes for a test"
    probability = min(1.0, len(found) * min(found))
    what += f" (p = {probability:.2g})"
    return ("passed", what) if (probability < LEVEL) == expected else ("failed", f"{what}; {meaning}")
