from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from gzslbench.data.synthetic.dataset import class_means, load_synthetic, make_synthetic


def bayes_scores(means, features):
    """Return the ``(n, C)`` scores of the best classifier for ``(n, dim)`` features.

    They are minus half the squared distances to the true ``(C, dim)`` means. With isotropic noise and equal
    class weights these are the log-likelihoods up to a factor and a constant, so on average no classifier
    has a higher per-class accuracy.
    """
    means, features = means.astype(np.float64), features.astype(np.float64)
    squares = np.square(features).sum(axis=1)[:, None] + np.square(means).sum(axis=1)
    return features @ means.T - squares / 2


def per_class_accuracy(predicted, labels):
    return np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)])


def harmonic_mean(dataset, predicted):
    seen, unseen = dataset.split.test_seen, dataset.split.test_unseen
    s = per_class_accuracy(predicted[seen], dataset.labels[seen])
    u = per_class_accuracy(predicted[unseen], dataset.labels[unseen])
    return 2 * s * u / (s + u)


def test_bayes_scores_are_the_log_likelihoods_up_to_a_factor_and_a_constant():
    rng = np.random.default_rng(0)
    means, features, noise = rng.random((4, 3)), rng.random((5, 3)), 0.7
    likelihoods = np.array([[multivariate_normal(m, noise**2).logpdf(x) for m in means] for x in features])
    scores = bayes_scores(means, features) / noise**2
    difference = scores - likelihoods
    np.testing.assert_allclose(difference, np.broadcast_to(difference[:, :1], difference.shape), atol=1e-9)


def test_bayes_accuracy_between_two_classes_is_the_normal_distribution_s():
    noise = 0.8
    dataset = make_synthetic(
        classes=2, unseen=1, dim=5, semantic_dim=3, per_class=20_000, noise=noise, seed=3
    )
    means = class_means(dataset.semantics, 5, 3)
    expected = norm.cdf(np.linalg.norm(means[0].astype(float) - means[1]) / (2 * noise))
    predicted = bayes_scores(means, dataset.features).argmax(axis=1)
    assert per_class_accuracy(predicted, dataset.labels) == pytest.approx(expected, abs=0.01)


def test_the_default_problem_s_best_h_is_94_percent():
    dataset = load_synthetic()
    predicted = bayes_scores(class_means(dataset.semantics, 32, 0), dataset.features).argmax(axis=1)
    assert harmonic_mean(dataset, predicted) == pytest.approx(0.94, abs=0.005)


def test_means_predicted_from_semantics_come_near_the_optimum_and_shuffled_semantics_do_not():
    dataset = load_synthetic()
    assert harmonic_mean(dataset, ridge_predictions(dataset, dataset.semantics)) > 0.8
    shuffled = dataset.semantics[np.random.default_rng(1).permutation(30)]
    assert harmonic_mean(dataset, ridge_predictions(dataset, shuffled)) < 0.4


def ridge_predictions(dataset, semantics):
    train, seen = dataset.split.trainval, dataset.seen_classes
    known = np.array([dataset.features[train][dataset.labels[train] == label].mean(axis=0) for label in seen])
    a = semantics[seen].astype(float)
    means = semantics @ np.linalg.solve(a.T @ a + 1e-3 * np.eye(a.shape[1]), a.T @ known)
    means[seen] = known
    return bayes_scores(means, dataset.features).argmax(axis=1)


def test_features_scatter_around_the_true_means_with_the_given_noise():
    dataset = make_synthetic(classes=3, unseen=1, dim=4, semantic_dim=2, per_class=5000, noise=0.3, seed=5)
    scatter = dataset.features - class_means(dataset.semantics, 4, 5)[dataset.labels]
    np.testing.assert_allclose(np.cov(scatter.T), 0.09 * np.eye(4), atol=0.005)
    np.testing.assert_allclose(scatter.mean(axis=0), 0, atol=0.015)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 8), st.data())
def test_a_made_problem_has_the_asked_shapes_and_a_split_that_covers_every_row_once(classes, data):
    unseen = data.draw(st.integers(1, classes - 1))
    per_class = data.draw(st.integers(2, 9))
    dataset = make_synthetic(classes, unseen, 3, 2, per_class, 0.1, seed=data.draw(st.integers(0, 99)))
    split = dataset.split
    assert dataset.features.shape == (classes * per_class, 3)
    assert dataset.features.dtype == dataset.semantics.dtype == np.float32
    rows = np.concatenate([split.trainval, split.test_seen, split.test_unseen])
    np.testing.assert_array_equal(np.sort(rows), np.arange(classes * per_class))
    np.testing.assert_array_equal(dataset.unseen_classes, np.arange(classes - unseen, classes))
    np.testing.assert_array_equal(dataset.seen_classes, np.unique(dataset.labels[split.test_seen]))
    np.testing.assert_allclose(np.linalg.norm(dataset.semantics, axis=1), 1, rtol=1e-5)


def test_the_same_seed_gives_the_same_problem_and_another_seed_another():
    again, other = (make_synthetic(3, 1, 4, 2, 5, 0.1, seed=seed) for seed in (0, 1))
    first = make_synthetic(3, 1, 4, 2, 5, 0.1, seed=0)
    assert first.content == again.content != other.content
