from __future__ import annotations

from dataclasses import replace
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import t as student

from gzslbench.errors import DataError
from gzslbench.evaluation import uncertainty
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.uncertainty import (
    class_intervals,
    class_shares,
    compare_over_classes,
    join_seeds,
)

METRICS = ("U", "S", "H", "T1", "AUSUC")


def predictions(unseen, seen, rows, random, skill=0.6, decimals=1):
    """Rows of classes in a random order of labels; few decimals make many gaps equal."""
    sides = random.permutation(np.arange(unseen + seen) < seen)
    candidates = {side: np.flatnonzero(sides == side) for side in (True, False)}
    labels = np.concatenate(
        [
            np.repeat(candidates[side], random.integers(1, 2 * rows, len(candidates[side])))
            for side in (True, False)
        ]
    )
    right = random.random(len(labels)) < skill * random.uniform(0.3, 1.6, len(sides))[labels]

    def best(side):
        return np.where(right & (sides[labels] == side), labels, random.choice(candidates[side], len(labels)))

    gap = np.round(random.normal(np.where(sides[labels], 0.7, -0.2)), decimals).astype(np.float32)
    return Predictions(labels, best(True), best(False), gap, best(False)[~sides[labels]], sides)


def expanded(found, classes):
    """The predictions if ``classes`` had been tested: each copy of a class is a class with its own rows."""
    parts, sides = [], np.append(found.seen[classes], [True, False])  # wrong rows go to the last two
    wrong = {True: len(classes), False: len(classes) + 1}
    zsl = np.full(len(found.labels), -1)
    zsl[~found.seen[found.labels]] = found.zsl
    for copy, label in enumerate(classes):
        rows = found.labels == label
        best = {
            side: np.where(chosen[rows] == label, copy, wrong[side])
            for side, chosen in ((True, found.best_seen), (False, found.best_unseen))
        }
        parts.append((np.full(rows.sum(), copy), best[True], best[False], found.gap[rows],
                      np.where(zsl[rows] == label, copy, wrong[False])))  # fmt: skip
    parts.sort(key=lambda part: not sides[part[0][0]])  # rows of seen classes first
    labels, best_seen, best_unseen, gap, zsl = map(np.concatenate, zip(*parts, strict=True))
    return Predictions(labels, best_seen, best_unseen, gap, zsl[~sides[labels]], sides)


def plain(found, classes):
    """The metrics of a test set of ``classes`` by the ordinary code, as shares."""
    return {name: value / 100 for name, value in metrics_of(expanded(found, classes)).as_dict().items()}


def resamples(found, count):
    """The tested classes of each side, and of each resample as the module draws them."""
    tested = np.bincount(found.labels, minlength=len(found.seen)) > 0
    sides, drawn = [], []
    for side, of_side in enumerate((~found.seen, found.seen)):
        classes = np.flatnonzero(of_side & tested)
        random, n = np.random.default_rng((side, len(classes))), len(classes)
        times = random.multinomial(n - 1, np.full(n, 1 / n), count)
        sides.append(classes)
        drawn.append([np.repeat(classes, row) for row in times])
    return sides, drawn


def plain_bootstrap(statistic, found, count):
    """Value, standard error and Satterthwaite's degrees of a statistic of a list of classes."""
    (unseen, seen), (some_unseen, some_seen) = resamples(found, count)
    both = [statistic([*pair[0], *pair[1]]) for pair in zip(some_unseen, some_seen, strict=True)]
    first = np.var([statistic([*one, *seen]) for one in some_unseen])
    second = np.var([statistic([*unseen, *one]) for one in some_seen])
    squares = first**2 / (len(unseen) - 1) + second**2 / (len(seen) - 1)
    return statistic([*unseen, *seen]), np.std(both), (first + second) ** 2 / squares


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr(uncertainty, "RESAMPLES", 30)
    uncertainty._draw.cache_clear()
    yield 30
    uncertainty._draw.cache_clear()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), st.integers(0, 99), st.sampled_from((0, 9)))
def test_all_classes_weighted_alike_give_the_metrics(unseen, seen, rows, seed, decimals):
    found = predictions(unseen, seen, rows, np.random.default_rng(seed), decimals=decimals)
    shares, expected = class_shares(found), metrics_of(found)
    assert 100 * shares.U.mean() == pytest.approx(expected.U)
    assert 100 * shares.S.mean() == pytest.approx(expected.S)
    assert 100 * shares.T1.mean() == pytest.approx(expected.T1)
    assert 100 * shares.area.mean() == pytest.approx(expected.AUSUC)


@pytest.mark.parametrize("name", METRICS)
def test_an_interval_is_that_of_resampled_rows_and_the_ordinary_metrics(few_resamples, name):
    found = predictions(7, 9, 5, np.random.default_rng(1))
    value, error, degrees = plain_bootstrap(lambda classes: plain(found, classes)[name], found, few_resamples)
    half = student.ppf(0.975, degrees) * error / (value * (1 - value))
    expected = 100 * expit([logit(value) - half, logit(value) + half])
    assert class_intervals(class_shares(found))[name] == pytest.approx(expected)


def worse(found):
    """The same rows, some of them with other predictions."""
    some, unseen = np.arange(len(found.labels)) % 4 > 0, np.flatnonzero(~found.seen)[0]
    return replace(
        found,
        best_seen=np.roll(found.best_seen, 1),
        best_unseen=np.where(some, found.best_unseen, unseen),
        gap=found.gap + np.float32(0.3),
        zsl=np.where(some[-len(found.zsl) :], found.zsl, unseen),
    )


@pytest.mark.parametrize("name", METRICS)
def test_a_comparison_draws_the_same_classes_for_both(few_resamples, name):
    one = predictions(7, 9, 5, np.random.default_rng(3))
    other = worse(one)
    found = compare_over_classes(class_shares(one), class_shares(other), name)
    expected = plain_bootstrap(
        lambda classes: plain(one, classes)[name] - plain(other, classes)[name], one, few_resamples
    )
    assert found == pytest.approx(expected)
    assert found.probability == pytest.approx(2 * student.sf(abs(expected[0]) / expected[1], expected[2]))


def test_the_standard_error_of_a_mean_is_that_of_its_formula():
    shares = class_shares(predictions(12, 30, 6, np.random.default_rng(2)))
    nothing = replace(shares, U=0 * shares.U, S=0 * shares.S, T1=0 * shares.T1, area=0 * shares.area)
    for name in ("U", "S", "T1"):
        accuracies = getattr(shares, name)[0]
        found = compare_over_classes(shares, nothing, name)
        assert found.error == pytest.approx(stdev(accuracies) / len(accuracies) ** 0.5, rel=0.05)
        assert found.degrees == pytest.approx(len(accuracies) - 1)


@given(st.integers(0, 99), st.integers(6, 12), st.integers(6, 12), st.sampled_from((0.02, 0.5, 0.98)))
@settings(deadline=None, max_examples=25)
def test_an_interval_is_within_0_to_100_around_its_number(seed, unseen, seen, skill):
    found = predictions(unseen, seen, 4, np.random.default_rng(seed), skill)
    for name, interval in class_intervals(class_shares(found)).items():
        if interval is not None:
            assert 0 <= interval[0] <= 100 * plain(found, np.unique(found.labels))[name] <= interval[1] <= 100


def test_few_classes_and_classes_without_differences_have_no_interval():
    random = np.random.default_rng(0)
    found = class_intervals(class_shares(predictions(5, 8, 6, random)))
    assert [name for name, interval in found.items() if interval is None] == ["U", "H", "T1", "AUSUC"]
    perfect = replace(predictions(8, 8, 6, random), gap=np.float32(-1))
    perfect = replace(
        perfect, gap=np.full(len(perfect.labels), -1, np.float32)
    )  # nothing goes to seen classes
    assert class_intervals(class_shares(perfect))["S"] is None


def test_seeds_are_averaged_before_classes_are_drawn():
    """So that seeds add nothing: two equal seeds have the interval of one, and S may differ by seed."""
    random = np.random.default_rng(4)
    one = predictions(8, 9, 6, random)
    other = replace(one, gap=one.gap - np.float32(0.5), best_seen=np.roll(one.best_seen, 3))
    single, both = class_shares(one), join_seeds([class_shares(one), class_shares(other)])
    twice = class_intervals(join_seeds([single, single]))
    assert twice == {name: pytest.approx(ends) for name, ends in class_intervals(single).items()}
    mean = {name: (plain(one, np.unique(one.labels))[name] + plain(other, np.unique(one.labels))[name]) / 2
            for name in METRICS}  # fmt: skip
    nothing = replace(both, U=0 * both.U, S=0 * both.S, T1=0 * both.T1, area=0 * both.area)
    for name in METRICS:
        assert compare_over_classes(both, nothing, name).value == pytest.approx(mean[name]), name


def test_equal_methods_do_not_differ():
    shares = class_shares(predictions(8, 9, 6, np.random.default_rng(5)))
    for name in METRICS:
        found = compare_over_classes(shares, shares, name)
        assert (found.value, found.error, found.probability) == (0, 0, 1)


def test_other_classes_are_refused():
    one, other = (class_shares(predictions(unseen, 9, 6, np.random.default_rng(6))) for unseen in (7, 8))
    with pytest.raises(DataError, match="different classes"):
        join_seeds([one, other])
    with pytest.raises(DataError, match="different classes"):
        compare_over_classes(one, other, "H")
    assert (
        compare_over_classes(
            class_shares(predictions(5, 9, 6, np.random.default_rng(6))),
            class_shares(predictions(5, 9, 6, np.random.default_rng(6))),
            "H",
        )
        is None
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("sides", "metric"), [((1, 8), "S"), ((8, 1), "U"), ((8, 1), "T1")])
def test_a_single_class_on_the_side_that_a_metric_is_not_about_does_not_matter(sides, metric):
    found = class_shares(predictions(*sides, 30, np.random.default_rng(3)))
    shares = 100 * getattr(found, metric)[0]
    low, high = class_intervals(found)[metric]
    assert low < shares.mean() < high
    # Student's interval of the mean of 8 classes on the scale of the logit, to the bootstrap's precision.
    mean = shares.mean() / 100
    half = student.ppf(0.975, 7) * shares.std(ddof=1) / 8**0.5 / 100 / (mean * (1 - mean))
    expected = 100 * expit(logit(mean) + np.array([-half, half]))
    assert (low, high) == pytest.approx(expected, abs=2)
