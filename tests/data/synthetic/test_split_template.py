from __future__ import annotations

import numpy as np
import pytest

from gzslbench.data.catalogue import catalogue
from gzslbench.data.synthetic.split_template import generate_template, synthetic_features


def made(rows_a_class=40, classes=30, dim=256, seed=0):
    rng = np.random.default_rng(seed)
    semantics = rng.random((classes, 20)).astype(np.float32)
    labels = rng.permutation(np.repeat(np.arange(classes), rows_a_class))
    return semantics, labels, synthetic_features(semantics, labels, dim, rng)


def test_features_are_non_negative_sparse_and_float32():
    _, _, features = made()
    assert features.dtype == np.float32
    assert features.min() == 0
    assert 0.4 < np.mean(features == 0) < 0.8


def test_class_means_predicted_from_semantics_tell_unseen_classes_apart():
    semantics, labels, features = made()
    seen, unseen = np.arange(24), np.arange(24, 30)
    told = prototype_accuracy(semantics, labels, features, seen, unseen)
    shuffled = prototype_accuracy(semantics[::-1], labels, features, seen, unseen)
    assert told > 0.6
    assert shuffled < 0.45


def prototype_accuracy(semantics, labels, features, seen, unseen):
    """Ridge regression from semantics to class means, then the nearest predicted mean."""
    means = np.array([features[labels == label].mean(axis=0) for label in seen], dtype=np.float64)
    centre = semantics[seen].mean(axis=0)
    known = semantics[seen] - centre
    kernel = known @ known.T
    ridge = 0.02 * np.trace(kernel) / len(seen) * np.eye(len(seen))
    weights = known.T @ np.linalg.solve(kernel + ridge, means - means.mean(axis=0))
    predicted = (semantics[unseen] - centre) @ weights + means.mean(axis=0)
    test = np.isin(labels, unseen)
    scores = features[test] @ predicted.T - np.square(predicted).sum(axis=1) / 2
    return np.mean(unseen[scores.argmax(axis=1)] == labels[test])


def test_rows_of_more_than_one_chunk_are_all_drawn():
    _, _, features = made(rows_a_class=300, dim=8)
    assert len(features) == 9000
    assert features.any(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    "semantics", [np.ones((3, 4)), np.eye(3)[:, :1]], ids=["constant", "two classes alike"]
)
def test_semantics_that_say_little_still_give_finite_features(semantics):
    features = synthetic_features(semantics.astype(np.float32), np.arange(3), 5, np.random.default_rng(0))
    assert np.isfinite(features).all()


@pytest.mark.parametrize("name", ["AWA1", "CUB", "FLO", "SUN", "APY"])
def test_the_counts_are_those_of_the_dataset(name):
    expected = catalogue()[name].expected
    template = generate_template(expected, np.random.default_rng(0))
    assert {part: len(rows) for part, rows in template.parts.items()} == expected.counts
    rows = np.sort(np.concatenate([*template.parts.values()]))
    np.testing.assert_array_equal(rows, np.arange(expected.rows))
    unseen = np.unique(template.labels[template.parts["test_unseen"]])
    for part in ("trainval", "test_seen"):
        seen = np.unique(template.labels[template.parts[part]])
        assert len(seen) == expected.seen and not np.isin(seen, unseen).any()
    assert len(unseen) == expected.unseen
