"""Nothing of the test rows is left of a dataset that is cut down to its validation split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data.narrowed import narrowed
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.synthetic.digits import load_digits
from gzslbench.data.validation import validation_dataset
from gzslbench.data.views import make_views


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
    left = narrowed(validation_dataset(sealed))
    assert len(left.features) == len(split.trainval)
    assert np.isfinite(left.features).all() and np.isfinite(left.semantics).all()
    assert left.task_id == narrowed(validation_dataset(dataset)).task_id


def test_the_guard_would_ring(dataset) -> None:
    rows = dataset.split.test_unseen
    sealed = replace(dataset, features=guarded(dataset.features, rows.tolist(), np.nan))
    with pytest.raises(AssertionError, match="a test row was read"):
        sealed.features[rows[:1]]
    with pytest.raises(AssertionError, match="read by"):
        narrowed(replace(sealed, features=sealed.features)).features[0:1] = sealed.features[3:4]
    with pytest.raises(AssertionError, match="all rows"):
        sealed.features + 1


def test_its_views_are_to_the_bit_those_of_the_whole_dataset(dataset) -> None:
    whole = validation_dataset(dataset)
    left = narrowed(whole)
    assert [left.class_names[i] for i in left.seen_classes] == [
        whole.class_names[i] for i in whole.seen_classes
    ]
    for one, other in zip(make_views(whole, "minmax", "cpu"), make_views(left, "minmax", "cpu"), strict=True):
        for name, value in vars(one).items():
            if name != "classes":
                assert value.equal(getattr(other, name)), name


def test_garbage_in_the_test_rows_changes_nothing_at_all(dataset) -> None:
    rows = np.concatenate([dataset.split.test_seen, dataset.split.test_unseen])
    features, labels = dataset.features.copy(), dataset.labels.copy()
    features[rows], labels[rows] = 1e30, 0
    one, other = (
        narrowed(validation_dataset(each)) for each in (dataset, replace(dataset, features=features))
    )
    assert one.content == other.content and one.task_id == other.task_id
    assert one.features.tobytes() == other.features.tobytes()
    assert narrowed(validation_dataset(replace(dataset, labels=labels))).task_id == one.task_id


def test_of_a_whole_split_all_rows_that_it_names_stay(dataset) -> None:
    left = narrowed(dataset)
    named = sum(dataset.split.counts.values())
    assert len(left.labels) == named and left.split.counts == dataset.split.counts
    assert left.features.base is None
