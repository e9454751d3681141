"""Several prototypes of each class, found by K-means."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor


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
