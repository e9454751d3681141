"""Controls: experiments that say what the features allow (``oracle``) and what guessing gives (``chance``).

The oracle fits the head on real rows of the unseen classes in place of synthesized ones. These rows are half
of test_unseen, and only the other half is tested. For a method that has no head, a softmax head is fitted on
the features.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DataError
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.inputs import TrainView

CONTROL_NOTES = {
    "oracle": "half of the test_unseen rows of each class train the head; only the others are tested",
    "chance": "the scores are uniform random numbers; the method is not used",
}
"""What the record of a control says about it."""

BATCH = 64


def uses_method(control: str | None, kind: str) -> bool:
    """Return whether the numbers of a control depend on the method, whose ``kind`` its spec gives."""
    return control is None or (control == "oracle" and kind == "generative")


class StandIn:
    """What a control evaluates if it does not need the method: features as they are, or random scores."""

    def __init__(self, view: TrainView, seed: int) -> None:
        self.modules = nn.ModuleDict()
        # An unseen class has as many rows as a seen class on average. Small datasets need more epochs.
        rows, classes = len(view.labels), len(view.semantics)
        epochs = max(25, 3000 * BATCH // rows)
        self.head = HeadSettings(max(1, round(rows / classes)), batch_size=BATCH, epochs=epochs)
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
