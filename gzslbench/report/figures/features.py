"""Real and synthesized features of unseen classes, in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
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

MAX_CLASSES = 6
"""Classes that are drawn, those with most test rows; as many as there are colours."""
MAX_ROWS = 100
"""Rows per class that are drawn, of either kind."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Rows of each class on the first two principal components of the real ones, and by t-SNE of all.

    Attributes:
        unseen: Number of all unseen classes.
        variance: Percent of the variance of the real rows that is along each component.
        real, synthesized: By class, ``(rows, 2)`` on the components.
        real_tsne, synthesized_tsne: The same by t-SNE (van der Maaten and Hinton, JMLR 2008).
    """

    names: Sequence[str]
    unseen: int
    space: str
    variance: tuple[float, float]
    real: Sequence[NDArray[np.float64]]
    synthesized: Sequence[NDArray[np.float64]]
    real_tsne: Sequence[NDArray[np.float64]]
    synthesized_tsne: Sequence[NDArray[np.float64]]


def project(trained: Trained, seed: int, *, classes: int = MAX_CLASSES, rows: int = MAX_ROWS) -> Projection:
    """Sample test rows of the unseen classes that have most, synthesize as many, and project both."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

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
    parts = [part.cpu().numpy() for part in (*real, *synthesized)]
    ends = np.cumsum([len(part) for part in parts])[:-1]
    tsne = TSNE(perplexity=min(30.0, (sum(map(len, parts)) - 1) / 3), random_state=seed)
    embedded = np.split(tsne.fit_transform(np.concatenate(parts)), ends)
    return Projection(
        names=[trained.dataset.class_names[test.classes[position]] for position in chosen],
        unseen=len(unseen),
        space=method.head.space,
        variance=(first, second),
        real=[pca.transform(part) for part in parts[: len(real)]],
        synthesized=[pca.transform(part) for part in parts[len(real) :]],
        real_tsne=embedded[: len(real)],
        synthesized_tsne=embedded[len(real) :],
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
    """Draw real rows left and synthesized rows right, on the same axes: components above, t-SNE below."""
    first, second = projection.variance
    components = (
        f"first component ({first:.0f} % of the real variance)",
        f"second component ({second:.0f} %)",
    )
    views = (
        ("principal components", components, projection.real, projection.synthesized),
        ("t-SNE", ("", ""), projection.real_tsne, projection.synthesized_tsne),
    )
    with canvas(PAGE, 1.05 * PAGE) as figure:
        panels = figure.subplots(2, 2, sharex="row", sharey="row")
        for row, (view, (xlabel, ylabel), *kinds) in zip(panels, views, strict=True):
            row[0].set_ylabel(ylabel)
            for axes, kind, rows in zip(row, ("real test rows", "synthesized rows"), kinds, strict=True):
                axes.set(title=f"{kind}, {view}", xlabel=xlabel)
                axes.tick_params(labelleft=False, labelbottom=False, length=0)
                for name, color, points in zip(projection.names, PALETTE, rows, strict=False):
                    axes.plot(*points.T, color=color, label=label(name, longest=24), **_ROW)
                for color, points in zip(PALETTE, kinds[0], strict=False):
                    axes.plot(*points.mean(axis=0), color=color, **_MEAN)
        shown, there = len(projection.names), projection.unseen
        which = f"the {shown} unseen classes of {there} with most test rows"
        most = max(map(len, projection.synthesized))
        space = "the method's embedding" if projection.space == "embedding" else "the features"
        title = (
            f"Real and synthesized rows in the space of {space}:"
            f" {which if shown < there else f'all {there} unseen classes'},\n"
            f"{most} synthesized rows of each class and at most as many real ones"
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=8)
        classes = [line for line in panels[0, 0].lines if line.get_marker() == _ROW["marker"]]
        mean = Line2D([], [], color="none", label="mean of the class's real rows", **_MEAN)
        figure.legend(handles=[*classes, mean], loc="outside lower left", ncols=4)
    return figure
