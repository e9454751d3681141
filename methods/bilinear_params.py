"""Parameters that the bilinear compatibility methods share."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import choices, log


@dataclass(frozen=True)
class BilinearParams(Params):
    """How the features come, and how the map is trained."""

    epochs: int = param(100, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(
        32, "rows a step, whose losses are summed; the published methods step by one", low=1, unit="rows"
    )
    lr: float = param(
        0.1, "learning rate of gradient descent on the sum over a batch", above=0, search=log(1e-3, 1.0)
    )
    margin: float = param(1.0, "by how much the own class's score must lead", above=0, search=log(0.5, 200.0))
    normalization: str = param(
        "l2",
        "how features are scaled: each row to length 1, each column to mean 0 and deviation 1 over the"
        " training rows, or not at all",
        choices=("l2", "standardize", "none"),
        search=choices("l2", "standardize", "none"),
    )
