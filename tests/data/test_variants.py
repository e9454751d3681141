"""Tests of datasets that are cut down to a split, or whose semantics are shuffled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data.synthetic.dataset import load_synthetic, make_synthetic
from gzslbench.data.synthetic.digits import load_digits
from gzslbench.data.validation import validation_dataset
from gzslbench.data.variants import check_in_memory, restrict_to_split, scale_semantics, shuffle_semantics
from gzslbench.data.views import make_views
from gzslbench.errors import DataError


class Guarded(np.ndarray):
    """Gives out rows by number, and refuses every other use; those forbidden raise, and are NaN or -1."""

    def __getitem__(self, index):
        if not (isinstance(index, np.ndarray) and index.dtype.kind == "i"):
            raise AssertionError(f"read by {index!r}")
        assert not set(index.tolist()) & self.forbidden, "a test row was read"
        return np.asarray(self)[index]

    def __array_finalize__(self, other):
        self.forbidden = getattr(other, "forbidden", set())

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        raise AssertionError(f"all rows at once, by {ufunc}")


def guarded(array, forbidden, poison):
    array = array.copy()
    array[list(forbidden)] = poison
    array = array.view(Guarded)
    array.forbidden = set(forbidden)
    return array


@pytest.fixture(params=[load_digits, load_synthetic], ids=["digits", "synthetic"])
def dataset(request):
    return request.param()


def test_no_test_row_and_no_unseen_semantics_are_read_to_make_it(dataset) -> None:
    split = dataset.split
    rows = np.concatenate([split.test_seen, split.test_unseen]).tolist()
    sealed = replace(
        dataset,
        features=guarded(dataset.features, rows, np.nan),
        labels=guarded(dataset.labels, rows, -1),
        semantics=guarded(dataset.semantics, dataset.unseen_classes.tolist(), np.nan),
    )
    left = restrict_to_split(validation_dataset(sealed))
    assert len(left.features) == len(split.trainval)
    assert np.isfinite(left.features).all() and np.isfinite(left.semantics).all()
    assert left.task_id == restrict_to_split(validation_dataset(dataset)).task_id


def test_the_guard_would_ring(dataset) -> None:
    rows = dataset.split.test_unseen
    sealed = replace(dataset, features=guarded(dataset.features, rows.tolist(), np.nan))
    with pytest.raises(AssertionError, match="a test row was read"):
        sealed.features[rows[:1]]
    with pytest.raises(AssertionError, match="read by"):
        restrict_to_split(replace(sealed, features=sealed.features)).features[0:1] = sealed.features[3:4]
    with pytest.raises(AssertionError, match="all rows"):
        sealed.features + 1


def test_its_views_are_to_the_bit_those_of_the_whole_dataset(dataset) -> None:
    whole = validation_dataset(dataset)
    left = restrict_to_split(whole)
    assert [left.class_names[i] for i in left.seen_classes] == [
        whole.class_names[i] for i in whole.seen_classes
    ]
    for one, other in zip(make_views(whole, "minmax", "cpu"), make_views(left, "minmax", "cpu"), strict=True):
        for name, value in vars(one).items():
            if name != "classes":
                same = value == getattr(other, name)
                assert same if isinstance(same, bool) else same.all(), name


def test_garbage_in_the_test_rows_changes_nothing_at_all(dataset) -> None:
    rows = np.concatenate([dataset.split.test_seen, dataset.split.test_unseen])
    features, labels = dataset.features.copy(), dataset.labels.copy()
    features[rows], labels[rows] = 1e30, 0
    one, other = (
        restrict_to_split(validation_dataset(variant))
        for variant in (dataset, replace(dataset, features=features))
    )
    assert one.content == other.content and one.task_id == other.task_id
    assert one.features.tobytes() == other.features.tobytes()
    assert restrict_to_split(validation_dataset(replace(dataset, labels=labels))).task_id == one.task_id


def test_all_rows_of_the_split_are_kept(dataset) -> None:
    left = restrict_to_split(dataset)
    named = sum(dataset.split.counts.values())
    assert len(left.labels) == named and left.split.counts == dataset.split.counts
    assert left.features.base is None


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 50))
def test_every_class_gets_another_class_s_semantics_and_none_is_lost(classes, seed):
    dataset = make_synthetic(classes, 1, 2, 3, 2, 0.1, seed=0)
    shuffled = shuffle_semantics(dataset, seed)
    assert not (shuffled.semantics == dataset.semantics).all(axis=1).any()
    assert sorted(map(tuple, shuffled.semantics)) == sorted(map(tuple, dataset.semantics))


def test_only_the_semantics_change_and_the_task_is_another():
    dataset = make_synthetic(5, 2, 2, 3, 4, 0.1, seed=0)
    shuffled = shuffle_semantics(dataset, 7)
    assert shuffled.semantics_name == "latent-shuffled7"
    assert shuffled.content != dataset.content
    assert shuffled.task_id != dataset.task_id
    assert shuffled.features is dataset.features
    assert shuffled.split is dataset.split


def test_a_single_class_cannot_be_shuffled():
    dataset = make_synthetic(2, 1, 2, 3, 2, 0.1, seed=0)
    with pytest.raises(DataError, match="over a single class"):
        shuffle_semantics(replace(dataset, semantics=dataset.semantics[:1]), 0)


def test_scaled_semantics_keep_their_direction_and_have_length_1():
    dataset = load_synthetic()
    scaled = scale_semantics(dataset)
    for before, after in zip(dataset.semantics, scaled.semantics, strict=True):
        length = sum(float(number) ** 2 for number in before) ** 0.5
        np.testing.assert_allclose(after, before / length, rtol=1e-5)
    assert scaled.semantics.dtype == np.float32
    assert scaled.semantics_name == "latent-unit"
    assert scaled.content != dataset.content
    assert scaled.features is dataset.features
    assert scaled.described_classes == dataset.described_classes


def test_semantics_of_zeros_cannot_be_scaled():
    dataset = load_synthetic()
    semantics = np.array(dataset.semantics)
    semantics[2] = 0
    with pytest.raises(DataError, match=f"semantics of {dataset.class_names[2]} are all 0"):
        scale_semantics(replace(dataset, semantics=semantics))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": lambda data: data.labels + 0.9}, "labels that are not whole"),
        ({"labels": lambda data: data.labels[:, None]}, "labels of shape"),
        ({"labels": lambda data: np.array([2**70] * len(data.labels))}, "cannot be read"),
        ({"features": lambda data: data.features + 7j}, "complex numbers"),
        ({"features": lambda data: np.ma.masked_array(data.features)}, "a masked array"),
        ({"notes": lambda _data: (np.int64(1),)}, "its notes"),
        ({"provenance": lambda _data: {"a": np.float32(1)}}, "its provenance"),
        ({"extraction": lambda _data: {"a": float("nan")}}, "its extraction"),
    ],
)
def test_values_that_would_be_lost_or_cannot_be_stored_are_refused(changes, complaint):
    data = load_digits()
    changed = replace(data, **{name: make(data) for name, make in changes.items()})
    with pytest.raises(DataError, match=complaint):
        check_in_memory(changed)
