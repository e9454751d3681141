"""A synthetic GZSL dataset whose best possible result is known.

A class with semantics s has mean ReLU(W s), with a fixed W, and its features scatter around the mean with
isotropic Gaussian noise. So with equal priors the best classifier chooses the nearest true mean, among the
means of seen and unseen classes. The difference between its accuracy and a method's is due to the method.

The regions of an image have its feature as their mean. The vectors of its attributes are random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import Attributes, Dataset, Split, content_fingerprint, hold_out
from gzslbench.data.variants import SYNTHETIC

_PLACES = 4
"""Regions of a synthetic image."""


def load_synthetic() -> Dataset:
    """Return 2400 rows of 32 features in 30 classes, 6 of them unseen; the best possible H is 94."""
    return make_synthetic(classes=30, unseen=6, dim=32, semantic_dim=8, per_class=80, noise=0.35, seed=0)


def make_synthetic(
    classes: int, unseen: int, dim: int, semantic_dim: int, per_class: int, noise: float, seed: int
) -> Dataset:
    """Draw a dataset; the same arguments give the same dataset.

    Args:
        classes: C, all classes.
        unseen: How many of them, the last ones, are unseen; at least one class stays seen.
        dim: d, features.
        semantic_dim: a, the length of the semantics, which are non-negative unit vectors.
        per_class: Rows of each class, at least 2; a fifth of those of a seen class is test_seen.
        noise: Standard deviation of a feature around its class mean; the means lie between 0 and about 3.
        seed: Of all random numbers.
    """
    rng = np.random.default_rng([seed, 1])
    semantics = np.abs(rng.standard_normal((classes, semantic_dim))).astype(np.float32)
    semantics /= np.linalg.norm(semantics, axis=1, keepdims=True)
    labels = np.repeat(np.arange(classes, dtype=np.int64), per_class)
    means = class_means(semantics, dim, seed)
    scatter = noise * rng.standard_normal((len(labels), dim), dtype=np.float32)
    features = (means[labels] + scatter).astype(np.float32)
    seen = np.flatnonzero(labels < classes - unseen)
    trainval, test_seen = hold_out(labels, seen, share=0.2)
    return Dataset(
        name="synthetic",
        features_name="rectified",
        semantics_name="latent",
        features=features,
        labels=labels,
        semantics=semantics,
        class_names=tuple(f"class {label + 1}" for label in range(classes)),
        split=Split("fixed", trainval, test_seen, np.arange(len(seen), len(labels))),
        content=content_fingerprint(features, labels, semantics),
        pretraining="none",
        notes=(f"{SYNTHETIC}seed {seed}, Gaussian noise of {noise:g} around ReLU(W s)",),
        regions=scatter_over_places(features, _PLACES, np.random.default_rng([seed, 2])),
        attributes=Attributes(
            tuple(f"attribute {number + 1}" for number in range(semantic_dim)),
            np.random.default_rng([seed, 3]).standard_normal((semantic_dim, 5), dtype=np.float32),
        ),
    )


def scatter_over_places(
    features: NDArray[np.float32], places: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return ``(N, R, d)`` regions whose mean is the feature: a place has a random share of each column."""
    weights = random.exponential(size=(len(features), places, features.shape[1]))
    weights *= places / weights.sum(axis=1, keepdims=True)
    return (weights * features[:, None]).astype(np.float32)


def class_means(semantics: NDArray[np.float32], dim: int, seed: int) -> NDArray[np.float32]:
    """Return the true means ReLU(W s), ``(C, dim)``, of ``(C, a)`` semantics; W depends only on ``seed``."""
    weights = np.random.default_rng([seed, 0]).standard_normal((semantics.shape[1], dim))
    return np.maximum(semantics @ weights, 0).astype(np.float32)
