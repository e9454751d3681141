"""Real and synthesized features of unseen classes, in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DataError
from gzslbench.evaluation.checked_method import CheckedMethod
from gzslbench.report.figures.canvas import NEUTRAL, PAGE, PALETTE, canvas, label
from gzslbench.runs.load_trained import Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_CLASSES = 6
"""Classes that are drawn, those with most test rows; as many as there are colours."""
MAX_ROWS = 100
"""Rows per class that are drawn, of either kind."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Rows of each class on the first two principal components of the real ones.

    ``unseen`` counts all unseen classes; ``variance`` is the percent of the variance of each component.
    """

    names: Sequence[str]
    unseen: int
    space: str
    variance: tuple[float, float]
    real: Sequence[NDArray[np.float64]]
    synthesized: Sequence[NDArray[np.float64]]


def project(trained: Trained, seed: int, *, classes: int = MAX_CLASSES, rows: int = MAX_ROWS) -> Projection:
    """Sample test rows of the unseen classes that have most, synthesize as many, and project both."""
    from sklearn.decomposition import PCA

    method, test = trained.method, trained.test
    checked = CheckedMethod(method, Chunk(8192))
    counts = torch.bincount(test.unseen_labels, minlength=len(test.seen)).tolist()
    unseen = (~test.seen).nonzero().squeeze(1).tolist()
    chosen = sorted(sorted(unseen, key=lambda position: -counts[position])[:classes])

    def stream(index: int) -> torch.Generator:
        return generator(test.semantics.device, seed, "figure", "synthesis", chosen[index])

    with torch.no_grad():
        real = [_sample_rows(test, position, rows, seed) for position in chosen]
        if method.head.space == "embedding":
            real = [torch.cat(list(checked.embed(part))) for part in real]
        rows_of_all = torch.cat(list(checked.synthesize(test.semantics[chosen], rows, stream, None)))
        synthesized = torch.split(rows_of_all, rows)
    together = torch.cat(real).cpu().numpy()
    if min(together.shape) < 2:
        raise DataError("too few test rows or features for two dimensions", where=trained.dataset.name)
    pca = PCA(n_components=2, svd_solver="full").fit(together)
    first, second = (100 * pca.explained_variance_ratio_).tolist()
    return Projection(
        names=[trained.dataset.class_names[test.classes[position]] for position in chosen],
        unseen=len(unseen),
        space=method.head.space,
        variance=(first, second),
        real=[pca.transform(part.cpu().numpy()) for part in real],
        synthesized=[pca.transform(part.cpu().numpy()) for part in synthesized],
    )


def _sample_rows(test: EvalView, position: int, rows: int, seed: int) -> Tensor:
    """Return at most ``rows`` test rows of the class, without repetition."""
    of_class = (test.unseen_labels == position).nonzero().squeeze(1)
    random = generator("cpu", seed, "figure", "rows", position)
    order = torch.randperm(len(of_class), generator=random)[:rows]
    return test.unseen_features[of_class[order.to(of_class.device)]]


_ROW: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3, "markeredgewidth": 0, "alpha": 0.5}
_MEAN: dict[str, Any] = {
    "linestyle": "", "marker": "P", "markersize": 7, "markeredgecolor": NEUTRAL, "markeredgewidth": 0.7,
    "zorder": 3,
}  # fmt: skip


def features_figure(projection: Projection) -> Figure:
    """Draw real test rows left, synthesized rows right, on the same axes; a class has one colour in both."""
    first, second = projection.variance
    kinds = {"real test rows": projection.real, "synthesized rows": projection.synthesized}
    with canvas(PAGE, 0.55 * PAGE) as figure:
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        panels[0].set_ylabel(f"second component ({second:.0f} % of the real variance)")
        for axes, (kind, rows) in zip(panels, kinds.items(), strict=True):
            axes.set(title=kind, xlabel=f"first component ({first:.0f} % of the real variance)")
            axes.tick_params(labelleft=False, labelbottom=False, length=0)
            for name, color, points in zip(projection.names, PALETTE, rows, strict=False):
                axes.plot(*points.T, color=color, label=label(name, longest=24), **_ROW)
            for color, points in zip(PALETTE, projection.real, strict=False):
                axes.plot(*points.mean(axis=0), color=color, **_MEAN)
        shown, there = len(projection.names), projection.unseen
        which = f"the {shown} most tested of {there} unseen" if shown < there else f"all {there} unseen"
        most = max(map(len, projection.synthesized))
        where = "the method's embedding" if projection.space == "embedding" else "the features"
        title = (
            f"principal components of the real rows, in the space of {where}\n"
            f"{which} classes; {most} synthesized rows a class, and at most as many real ones"
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=8)
        classes = [line for line in panels[0].lines if line.get_marker() == _ROW["marker"]]
        mean = Line2D([], [], color="none", label="mean of the class's real rows", **_MEAN)
        figure.legend(handles=[*classes, mean], loc="outside lower left", ncols=4)
    return figure
