from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits

from gzslbench.data.synthetic.digits import STROKES, UNSEEN, load_digits, stroke_table


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def test_the_images_are_those_of_scikit_learn(digits):
    source = sklearn_digits()
    np.testing.assert_array_equal(digits.features, source.data)
    np.testing.assert_array_equal(digits.labels, source.target)
    assert digits.features.dtype == np.float32
    assert digits.labels.dtype == np.int64


def test_the_split_covers_every_row_once(digits):
    split = digits.split
    rows = np.concatenate([split.trainval, split.test_seen, split.test_unseen])
    np.testing.assert_array_equal(np.sort(rows), np.arange(1797))


def distance_to_span(semantics, unseen):
    seen = [digit for digit in range(10) if digit not in unseen]
    weights = np.linalg.lstsq(semantics[seen].T, semantics[list(unseen)].T, rcond=None)[0]
    return np.linalg.norm(semantics[list(unseen)].T - semantics[seen].T @ weights, axis=0).max()


def test_unseen_is_the_pair_that_the_other_digits_describe_best(digits):
    pairs = itertools.combinations(range(10), 2)
    assert min(pairs, key=lambda pair: distance_to_span(digits.semantics, pair)) == UNSEEN


def test_no_training_row_is_of_an_unseen_class(digits):
    np.testing.assert_array_equal(digits.unseen_classes, UNSEEN)
    np.testing.assert_array_equal(digits.seen_classes, [0, 1, 2, 4, 5, 7, 8, 9])
    assert set(digits.labels[digits.split.test_seen]) == set(digits.seen_classes)


def test_a_fifth_of_each_seen_class_is_held_out(digits):
    for label in digits.seen_classes:
        held = np.sum(digits.labels[digits.split.test_seen] == label)
        assert held == round(0.2 * np.sum(digits.labels == label))


def test_the_split_and_the_content_never_change(digits):
    again = load_digits()
    assert again.split.fingerprint == digits.split.fingerprint
    assert again.content == digits.content


def test_semantics_are_unit_rows_that_tell_every_two_classes_apart(digits):
    np.testing.assert_allclose(np.linalg.norm(digits.semantics, axis=1), 1, rtol=1e-6)
    for one, other in itertools.combinations(range(10), 2):
        assert np.abs(stroke_table()[one] - stroke_table()[other]).sum() >= 2


def test_semantics_of_the_classes_are_linearly_independent(digits):
    assert np.linalg.matrix_rank(digits.semantics) == 10


def test_every_stroke_of_an_unseen_digit_is_known_from_a_seen_one(digits):
    table = stroke_table()
    unseen, seen = table[digits.unseen_classes], table[digits.seen_classes]
    assert (seen.max(axis=0) >= unseen.max(axis=0)).all()


def test_the_segments_are_the_seven_segment_code():
    codes = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]
    names = [name for name in STROKES if name.startswith("segment")]
    written = ["".join(name[8] for name in names if str(digit) in STROKES[name]) for digit in range(10)]
    assert written == codes


def test_the_strokes_tell_unseen_digits_apart_far_better_than_shuffled_strokes_do(digits):
    told = zero_shot_accuracy(digits, digits.semantics)
    rng = np.random.default_rng(0)
    shuffled = [zero_shot_accuracy(digits, digits.semantics[rng.permutation(10)]) for _ in range(40)]
    assert told > 0.9
    assert np.mean(shuffled) < 0.65
    assert told > np.quantile(shuffled, 0.8)


def zero_shot_accuracy(digits, semantics):
    """T1 of the nearest class mean, the unseen means by ridge regression on the semantics; a fraction."""
    seen, unseen, test = digits.seen_classes, digits.unseen_classes, digits.split.test_unseen
    train = digits.split.trainval
    means = np.stack([digits.features[train][digits.labels[train] == label].mean(axis=0) for label in seen])
    s, centre = semantics[seen], means.mean(axis=0)
    weights = np.linalg.solve(s.T @ s + 0.1 * np.eye(s.shape[1]), s.T @ (means - centre))
    made = semantics[unseen] @ weights + centre
    distances = np.square(digits.features[test][:, None] - made).sum(axis=2)
    predicted = unseen[distances.argmin(axis=1)]
    return np.mean([np.mean(predicted[digits.labels[test] == label] == label) for label in unseen])
