from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import chdtrc, ndtr, stdtr, stdtrit

from gzslbench.report.leaderboard.entry import estimate
from gzslbench.report.leaderboard.significance import holm, nemenyi_difference, rank, t_test

_TABLE = """
    C4.5      .763 .599 .954 .628 .882 .936 .661 .583 .775 1 .940 .619 .972 .957
    C4.5+m    .768 .591 .971 .661 .888 .931 .668 .583 .838 1 .962 .666 .981 .978
    C4.5+cf   .771 .590 .968 .654 .886 .916 .609 .563 .866 1 .965 .614 .97501 .946
    C4.5+m+cf .798 .569 .967 .657 .898 .931 .685 .625 .875 1 .962 .669 .975 .970
"""
AUC = {name: tuple(map(float, row)) for name, *row in map(str.split, _TABLE.strip().splitlines())}
"""The worked example of Demsar 2006, table 6: areas under the curve of four classifiers on 14 datasets.
In the last but one .975 stands twice and is ranked 2 and 3: one was a little higher before it was rounded."""
STUDENT = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)
"""Student's own data (Biometrika 1908): extra hours of sleep of ten patients by two drugs."""


def test_students_sleep_data_have_the_probability_he_gave():
    assert t_test(*STUDENT) == pytest.approx(0.002833, abs=1e-6)


@given(st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=2, max_size=9))
def test_the_paired_test_is_that_of_its_formula(pairs):
    one, other = zip(*pairs, strict=True)
    differences = [first - second for first, second in pairs]
    spread = statistics.stdev(differences)
    assume(spread > 1e-6)
    t = statistics.fmean(differences) / (spread / math.sqrt(len(pairs)))
    assert t_test(one, other) == pytest.approx(2 * stdtr(len(pairs) - 1, -abs(t)), rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(0, 100), min_size=3, max_size=9))
def test_the_interval_is_that_of_its_formula_within_0_to_100(values):
    found, n = estimate(values), len(values)
    half = stdtrit(n - 1, 0.975) * statistics.stdev(values) / math.sqrt(n)
    expected = (max(0, found.mean - half), min(100, found.mean + half))
    assert found.interval == pytest.approx(expected, abs=1e-9)


def test_the_interval_of_a_mean_is_students():
    values = [second - first for first, second in zip(*STUDENT, strict=True)]
    found = estimate(values)
    assert (found.mean, found.n) == (pytest.approx(1.58), 10)
    assert found.std == pytest.approx(statistics.stdev(values))
    assert found.interval == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


def test_one_seed_has_no_spread_and_two_have_no_interval():
    one, two = estimate([40.0]), estimate([8.4, 48.5])
    assert (one.mean, one.std, one.interval, one.n) == (40.0, None, None, 1)
    assert (two.mean, two.interval, two.n) == (pytest.approx(28.45), None, 2)
    assert two.std == pytest.approx(40.1 / math.sqrt(2))


def test_without_differences_nothing_is_significant():
    assert t_test([1.0, 2.0], [1.0, 2.0]) == 1.0


def test_the_same_difference_in_every_seed_is_not_chance():
    assert t_test([2.0, 3.0], [1.0, 2.0]) == 0.0


def test_holm_steps_down():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_definition_rejects(values):
    level, ordered = 0.05, sorted(values)
    rejected = 0
    while rejected < len(ordered) and (len(ordered) - rejected) * ordered[rejected] <= level:
        rejected += 1
    assert sum(item <= level for item in holm(dict(enumerate(values))).values()) == rejected


def test_demsars_example_is_reproduced():
    found = rank(AUC)
    assert found.ranks == pytest.approx(
        {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}, abs=5e-4
    )
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.probability is not None and 0.01 < found.probability < 0.05
    assert found.cliques == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]
    assert rank(AUC, level=0.10).cliques == [
        ("C4.5+m+cf", "C4.5+m", "C4.5+cf"),
        ("C4.5+cf", "C4.5"),
    ]


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_the_published_table(methods, q):
    scale = math.sqrt(methods * (methods + 1) / (6 * 7))
    assert nemenyi_difference(methods, 7) == pytest.approx(q * scale, abs=1e-3)


def test_few_methods_or_datasets_are_ranked_and_no_more():
    found = rank({"a": (1.0, 5.0), "b": (2.0, 3.0)})
    assert found.ranks == {"a": 1.5, "b": 1.5}
    assert (found.probability, found.critical_difference, found.cliques) == (None, None, [])
    assert rank({"a": (1.0,), "b": (2.0,), "c": (3.0,)}).probability is None


def test_methods_that_are_all_alike_are_alike():
    assert rank({"a": (1.0, 2.0), "b": (1.0, 2.0), "c": (1.0, 2.0)}).probability == 1.0


def studentized_range(probability, count):
    """The quantile of the range of ``count`` standard normal numbers, by bisection of its integral."""
    z = np.linspace(-8, 8, 2001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    low, high = 0.0, 16.0
    while high - low > 1e-12:
        width = (low + high) / 2
        below = count * density @ (ndtr(z + width) - ndtr(z)) ** (count - 1)
        low, high = (width, high) if below < probability else (low, width)
    return high


@pytest.mark.parametrize("level", [0.1, 0.05, 0.01])
@pytest.mark.parametrize("count", [2, 3, 10, 50])
def test_the_critical_difference_is_that_of_the_studentized_range(count, level):
    expected = studentized_range(1 - level, count) * math.sqrt(count * (count + 1) / (12 * 7))
    assert nemenyi_difference(count, 7, level) == pytest.approx(expected, rel=1e-9)


def friedman(ranks):
    """The probability of ``(methods, datasets)`` ranks by chi-squared, with ties corrected."""
    methods, datasets = ranks.shape
    spread = ((ranks - (methods + 1) / 2) ** 2).sum() / (datasets * (methods - 1))
    between = datasets * ((ranks.mean(axis=1) - (methods + 1) / 2) ** 2).sum()
    return float(chdtrc(methods - 1, between / spread)) if spread else 1.0


@given(
    st.integers(3, 6).flatmap(
        lambda methods: st.lists(
            st.lists(st.integers(0, 4).map(float), min_size=methods, max_size=methods), min_size=2, max_size=6
        )
    )
)
def test_ranks_and_friedmans_probability_are_those_of_their_formulas_with_ties(datasets):
    found = rank({f"m{i}": column for i, column in enumerate(zip(*datasets, strict=True))})
    table = np.array(datasets)
    higher = (table[:, None, :] > table[:, :, None]).sum(axis=2)
    equal = (table[:, None, :] == table[:, :, None]).sum(axis=2)
    ranks = (higher + (equal + 1) / 2).T
    assert list(found.ranks.values()) == pytest.approx(ranks.mean(axis=1).tolist(), abs=1e-9)
    assert found.probability == pytest.approx(friedman(ranks), abs=1e-9)
