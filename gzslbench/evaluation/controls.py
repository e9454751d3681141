"""Controls: experiments that say what the features allow (``oracle``) and what guessing gives (``chance``).

The oracle fits the head on real rows of the unseen classes in place of synthesized ones. These rows are half
of test_unseen, and only the other half is tested. For a method that has no head, a softmax head is fitted on
the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DataError
from gzslbench.evaluation.predictions import Predictions
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.inputs import TrainView

CONTROL_NOTES = {
    "oracle": "half of the test_unseen rows of each class train the head; only the others are tested",
    "chance": "the scores are uniform random numbers; the method is not used",
}
"""What the record of a control says about it."""


def uses_method(control: str | None, kind: str) -> bool:
    """Return whether the numbers of a control depend on the method, whose ``kind`` its spec gives."""
    return control is None or (control == "oracle" and kind == "generative")


class StandIn:
    """What a control evaluates if it does not need the method: features as they are, or random scores."""

    def __init__(self, view: TrainView, seed: int) -> None:
        self.modules = nn.ModuleDict()
        # An unseen class has as many rows as a seen class on average. A small dataset has
        # small batches, so that 25 epochs have some 3000 steps.
        rows, classes = len(view.labels), len(view.semantics)
        self.head = HeadSettings(max(1, round(rows / classes)), min(64, max(1, rows // 120)), epochs=25)
        self.random = generator(view.features.device, seed, "evaluation", "chance")

    def stages(self) -> tuple[()]:
        """Return no stages."""
        return ()

    def embed(self, features: Tensor) -> Tensor:
        """Return the features."""
        return features

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Return ``(n, C)`` uniform random numbers."""
        return torch.rand(len(features), len(semantics), generator=self.random, device=features.device)


def split_unseen(view: EvalView) -> EvalView:
    """Give the oracle's head half of the rows of each unseen class; the view tests only the others.

    The split is random, and the same for all methods and seeds. Of an odd number of rows one more is tested.

    Raises:
        DataError: A class has a single row.
    """
    tested, for_the_head = [], []
    for label in (~view.seen).nonzero().squeeze(1).tolist():
        rows = (view.unseen_labels == label).nonzero().squeeze(1)
        order = torch.randperm(len(rows), generator=generator("cpu", 0, "oracle", int(view.classes[label])))
        half = len(rows) // 2
        if half == 0:
            what = f"class {view.classes[label]} has fewer than two rows in test_unseen"
            raise DataError(what, where="control oracle", fix="leave the class out of the split")
        for_the_head.append(view.unseen_features[rows[order[:half].to(rows.device)]])
        tested.append(rows[order[half:].to(rows.device)])
    kept = torch.cat(tested).sort().values
    features, labels = view.unseen_features[kept], view.unseen_labels[kept]
    return replace(view, unseen_features=features, unseen_labels=labels, real_unseen=tuple(for_the_head))


def compare_with_chance(runs: Sequence[Predictions], zsl: bool) -> tuple[float, NDArray[np.float64]]:
    """Return T1 (``zsl``) or U, and in percent, and 9999 times the same with permuted predicted classes.

    With wrong semantics all rows of a class may go to the same wrong class, or by luck to the right one. So
    chance permutes classes, not rows. ``runs`` have independent shuffles; their mean is returned.
    """
    blocks = []
    for run in runs:
        size, unseen = len(run.seen), ~run.seen[run.labels]
        labels, predicted = run.labels[unseen], run.zsl if zsl else run.predicted[unseen]
        counts = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
        classes = np.unique(labels)
        blocks.append(100 * counts[np.ix_(classes, classes)] / counts[classes].sum(axis=1, keepdims=True))
    random, places = np.random.default_rng(0), np.arange(len(blocks[0]))
    drawn = [np.mean([block[places, random.permutation(places)] for block in blocks]) for _ in range(9999)]
    return float(np.mean([block.diagonal() for block in blocks])), np.array(drawn)
