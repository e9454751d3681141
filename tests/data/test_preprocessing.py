from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import MinMaxScaler, StandardScaler, normalize

from gzslbench.data.preprocessing import PREPROCESSINGS, fit_preprocessing
from gzslbench.errors import ParamError

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 12), st.just(5)),
    elements=st.floats(-100, 100, width=32).map(lambda x: np.float32(round(x, 2))),
)


def sample(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 2.0, size=(rows, 7)).astype(np.float32)


@settings(max_examples=25)
@given(matrices, matrices)
def test_minmax_equals_scikit_learn_then_division_by_the_largest_training_value(train, test):
    scaler = MinMaxScaler().fit(train.astype(np.float64))
    largest = scaler.transform(train.astype(np.float64)).max()
    expected = scaler.transform(test.astype(np.float64)) / (largest if largest > 0 else 1)
    np.testing.assert_allclose(fit_preprocessing("minmax", train)(test), expected, rtol=1e-5, atol=1e-4)


@settings(max_examples=25)
@given(matrices, matrices)
def test_standardize_equals_scikit_learn(train, test):
    expected = StandardScaler().fit(train).transform(test)
    np.testing.assert_allclose(fit_preprocessing("standardize", train)(test), expected, rtol=1e-4, atol=1e-4)


def test_standardize_fitted_in_chunks_equals_one_pass():
    train = sample(10_000, 0)
    scaled = fit_preprocessing("standardize", train)(train).astype(np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)


@settings(max_examples=25)
@given(matrices)
def test_l2_equals_scikit_learn_and_leaves_rows_of_zeros(rows):
    rows[0] = 0
    scaled = fit_preprocessing("l2", rows)(rows)
    np.testing.assert_allclose(scaled, normalize(rows.astype(np.float64)), rtol=1e-5, atol=1e-6)
    assert not scaled[0].any()


def test_none_changes_nothing():
    rows = sample(6, 1)
    np.testing.assert_array_equal(fit_preprocessing("none", rows[:2])(rows), rows)


def test_minmax_does_not_clip_rows_outside_the_training_range():
    transform = fit_preprocessing("minmax", np.array([[0.0], [4.0]], dtype=np.float32))
    np.testing.assert_array_equal(transform(np.array([[-2.0], [6.0]], dtype=np.float32)), [[-0.5], [1.5]])


@pytest.mark.parametrize("name", ["minmax", "standardize"])
def test_a_constant_column_is_shifted_to_zero_and_not_scaled(name):
    train = np.column_stack([np.full(4, 3.0), np.arange(4.0)]).astype(np.float32)
    transform = fit_preprocessing(name, train)
    np.testing.assert_array_equal(transform(train)[:, 0], 0)
    assert transform(train + 2)[0, 0] == pytest.approx(2)


@pytest.mark.parametrize("name", PREPROCESSINGS)
def test_every_preprocessing_gives_float32_and_leaves_its_argument_unchanged(name):
    train, test = sample(20, 2), sample(9, 3)
    before = test.copy()
    scaled = fit_preprocessing(name, train)(test)
    assert scaled.dtype == np.float32
    assert scaled.shape == test.shape
    np.testing.assert_array_equal(test, before)


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(ParamError, match="did you mean 'minmax'"):
        fit_preprocessing("min-max", sample(3, 4))


@pytest.mark.parametrize("unit", [1e-3, 1e-7, 1e-12])
def test_minmax_does_not_depend_on_the_unit_of_a_column(unit):
    features = np.random.default_rng(0).random((20, 3))
    scaled = fit_preprocessing("minmax", (features * unit).astype(np.float32))
    found = scaled((features * unit).astype(np.float32))
    np.testing.assert_allclose(found.min(axis=0), 0)
    np.testing.assert_allclose(found.max(axis=0), 1, rtol=1e-5)
    plain = (features - features.min(axis=0)) / (features.max(axis=0) - features.min(axis=0))
    np.testing.assert_allclose(found, plain, atol=1e-5)
