"""Real and synthesized features of unseen classes, in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DataError
from gzslbench.evaluation.checked_method import CheckedMethod
from gzslbench.runs.load_trained import Trained

CLASSES = 6
"""Most classes, those with most test rows; as many as there are colours."""
ROWS = 100
"""Most rows of a class, of either kind."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Rows on the first two principal components of the real ones.

    Attributes:
        names: Of the K classes.
        unseen: How many unseen classes there are.
        space: ``features``, or ``embedding`` where the method synthesizes there.
        variance: Percent of the real rows' variance that either component has.
        real: Of each class, ``(n, 2)`` of its test rows.
        synthesized: Of each class, ``(n, 2)``.
    """

    names: Sequence[str]
    unseen: int
    space: str
    variance: tuple[float, float]
    real: Sequence[NDArray[np.float64]]
    synthesized: Sequence[NDArray[np.float64]]


def project(trained: Trained, seed: int, *, classes: int = CLASSES, rows: int = ROWS) -> Projection:
    """Draw test rows of some unseen classes, synthesize as many, and project both.

    Args:
        trained: A model of a generative method.
        seed: Of the draws.
        classes: Most classes.
        rows: Most rows of a class.

    Raises:
        DataError: There are too few rows or features for two dimensions.
    """
    from sklearn.decomposition import PCA

    method, test = trained.method, trained.test
    subject = CheckedMethod(method, Chunk(8192))
    chosen = _most_tested(test, classes)
    with torch.no_grad():
        real = [_drawn(test, position, rows, seed) for position in chosen]
        if method.head.space == "embedding":
            real = [torch.cat(list(subject.embed(each))) for each in real]
        synthesized = _synthesized(subject, test, chosen, rows, seed)
    together = torch.cat(real).cpu().numpy()
    if min(together.shape) < 2:
        raise DataError(
            "there are too few test rows or features for two dimensions", where=trained.dataset.name
        )
    pca = PCA(n_components=2, svd_solver="full").fit(together)
    first, second = (100 * pca.explained_variance_ratio_).tolist()
    return Projection(
        names=[trained.dataset.class_names[test.classes[position]] for position in chosen],
        unseen=int((~test.seen).sum()),
        space=method.head.space,
        variance=(first, second),
        real=[pca.transform(each.cpu().numpy()) for each in real],
        synthesized=[pca.transform(each.cpu().numpy()) for each in synthesized],
    )


def _most_tested(test: EvalView, classes: int) -> list[int]:
    """Positions of the unseen classes with most test rows, in their order among the candidates."""
    counts = torch.bincount(test.unseen_labels, minlength=len(test.seen)).tolist()
    unseen = (~test.seen).nonzero().squeeze(1).tolist()
    return sorted(sorted(unseen, key=lambda position: -counts[position])[:classes])


def _drawn(test: EvalView, position: int, rows: int, seed: int) -> Tensor:
    """At most ``rows`` test rows of the class, without repetition."""
    of_class = (test.unseen_labels == position).nonzero().squeeze(1)
    random = generator("cpu", seed, "figure", "rows", position)
    order = torch.randperm(len(of_class), generator=random)[:rows]
    return test.unseen_features[of_class[order.to(of_class.device)]]


def _synthesized(
    subject: CheckedMethod, test: EvalView, positions: Sequence[int], rows: int, seed: int
) -> list[Tensor]:
    """``(rows, d)`` of each class."""

    def stream(index: int) -> torch.Generator:
        return generator(test.semantics.device, seed, "figure", "synthesis", positions[index])

    made = torch.cat(list(subject.synthesize(test.semantics[positions], rows, stream, None)))
    return list(torch.split(made, rows))
