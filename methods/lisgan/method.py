"""LisGAN (Li et al., CVPR 2019): f-CLSWGAN whose fakes must lie near a soul sample of their class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.f_clswgan.method import FClswgan
from gzslbench_methods.layers import to_float32
from gzslbench_methods.lisgan import LisGanParams


def class_prototypes(
    features: Tensor, labels: Tensor, classes: int, clusters: int, random_state: int
) -> Tensor:
    """The centres of ``clusters`` clusters of each class's rows.

    A class with fewer distinct rows than clusters has as many centres as those, and repeats the first one,
    which changes no distance to the nearest.

    Args:
        features: ``(n, d)``.
        labels: ``(n,)`` in 0..classes-1, each class at least once.
        classes: C.
        clusters: k, at least 1.
        random_state: Seed of K-means, apart from the run's own.

    Returns:
        ``(C, k, d)`` in the type and on the device of ``features``.
    """
    rows, owners = features.cpu().numpy(), labels.cpu().numpy()
    centres = [_centres(rows[owners == label], clusters, random_state) for label in range(classes)]
    return torch.from_numpy(np.stack(centres)).to(features)


def nearest_prototype(features: Tensor, prototypes: Tensor) -> Tensor:
    """``(n, d)`` features and ``(n, k, d)`` prototypes to the ``(n,)`` squared distances to the nearest."""
    return (features.unsqueeze(1) - prototypes).square().sum(-1).amin(1)


def _centres(rows: NDArray[Any], clusters: int, random_state: int) -> NDArray[Any]:
    count = min(clusters, len(np.unique(rows, axis=0)))
    found: NDArray[Any] = KMeans(count, n_init=10, random_state=random_state).fit(rows).cluster_centers_
    return found[[*range(count), *[0] * (clusters - count)]]


def soul_loss(features: Tensor, souls: Tensor) -> Tensor:
    """Mean squared distance to the nearest soul sample of the own class (Li et al. 2019, L_R1 and L_R2).

    Args:
        features: ``(n, d)`` synthesized features, or means of such.
        souls: ``(n, k, d)`` soul samples of each row's class.
    """
    return nearest_prototype(to_float32(features), souls).mean()


RANDOM_STATE = 3
"""Of K-means, as published."""


class LisGan(FClswgan):
    """f-CLSWGAN with two more terms in the generator's loss."""

    params: LisGanParams

    def __init__(self, view: TrainView, params: LisGanParams) -> None:
        super().__init__(view, params)
        self.head = replace(self.head, batch_size=params.head_batch_size or 2 * params.syn_num)
        self.souls = class_prototypes(
            view.features, view.labels, len(view.semantics), params.clusters, RANDOM_STATE
        )

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """f-CLSWGAN's terms; every fake, and the mean of some fakes of every class, near a soul sample."""
        params, fake = self.params, self.fakes(batch)
        own = self.souls.index_select(0, batch.labels)
        return {
            **self.fooling_terms(fake, batch),
            "sample_soul": params.sample_weight * soul_loss(fake, own),
            "mean_soul": params.mean_weight * soul_loss(self._means(batch), self.souls),
        }

    def _means(self, batch: Batch) -> Tensor:
        """``(C, d)``: of each seen class the mean of ``mean_of`` fakes."""
        classes, count = len(self.semantics), self.params.mean_of
        labels = torch.arange(classes, device=batch.labels.device).repeat_interleave(count)
        noise = batch.normal(classes * count, self.noise)
        fakes: Tensor = self.generator(noise, self.semantics, labels)
        return fakes.view(classes, count, -1).mean(1)
