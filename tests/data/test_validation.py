from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data.catalogue import catalogue
from gzslbench.data.dataset import Dataset, Split, ValidationHint
from gzslbench.data.formats.xlsa17 import read_class_list, read_folder, read_splits
from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.data.synthetic.digits import load_digits
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import DataError


def dataset_of(labels, split, hint=None):
    labels = np.asarray(labels, dtype=np.int64)
    classes = int(labels.max()) + 1
    return Dataset(
        name="made",
        features_name="none",
        semantics_name="att",
        features=np.zeros((len(labels), 1), dtype=np.float32),
        labels=labels,
        semantics=np.eye(classes, dtype=np.float32),
        class_names=tuple(f"class {label}" for label in range(classes)),
        split=split,
        content="",
        validation=hint,
    )


@st.composite
def datasets(draw):
    """Two to seven seen classes of two to eight rows, two unseen ones, and whatever the files may say."""
    seen = draw(st.integers(2, 7))
    sizes = draw(st.lists(st.integers(2, 8), min_size=seen + 2, max_size=seen + 2))
    labels = np.repeat(np.arange(seen + 2), sizes)
    trainval, test_seen = [], []
    for label in range(seen):
        rows = np.flatnonzero(labels == label)
        held = draw(st.integers(0, len(rows) - 2))
        trainval += rows[held:].tolist()
        test_seen += rows[:held].tolist()
    split = Split("ps", trainval, test_seen, np.flatnonzero(labels >= seen))
    some_rows = st.none() | st.lists(st.sampled_from(range(len(labels))), unique=True).map(sorted).map(
        np.array
    )
    some_classes = st.none() | st.lists(st.sampled_from(range(seen + 2)), unique=True).map(sorted).map(
        np.array
    )
    hint = ValidationHint(
        *(_int64(draw(some)) for some in (some_rows, some_rows, some_classes, some_classes))
    )
    return dataset_of(labels, split, draw(st.sampled_from([None, hint])))


def _int64(values):
    return None if values is None else np.asarray(values, dtype=np.int64)


def assert_sound(dataset, validation):
    split, val = dataset.split, validation.split
    parts = [val.trainval, val.test_seen, val.test_unseen]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), split.trainval)
    for part in parts:
        assert not np.isin(part, split.test_seen).any()
        assert not np.isin(part, split.test_unseen).any()
        assert len(part)
    train_classes, val_classes = validation.seen_classes, validation.unseen_classes
    np.testing.assert_array_equal(np.union1d(train_classes, val_classes), dataset.seen_classes)
    assert not np.isin(train_classes, val_classes).any()
    assert np.isin(validation.labels[val.test_seen], train_classes).all()


@settings(max_examples=25)
@given(datasets(), st.floats(0.05, 0.95))
def test_the_parts_divide_trainval_by_class_and_have_no_test_row(dataset, holdout):
    assert_sound(dataset, validation_dataset(dataset, holdout=holdout))


@settings(max_examples=25)
@given(datasets())
def test_the_same_dataset_gives_the_same_split(dataset):
    first, second = validation_dataset(dataset), validation_dataset(dataset)
    assert first.split.fingerprint == second.split.fingerprint
    assert first.split.name == "val"


@pytest.fixture
def dataset():
    """Five seen classes of four training rows and one of test_seen each, one unseen class."""
    labels = np.repeat(np.arange(6), 5)
    held = np.arange(0, 25, 5)
    return dataset_of(labels, Split("ps", np.setdiff1d(np.arange(25), held), held, np.arange(25, 30)))


def with_hint(dataset, **hint):
    return replace(dataset, validation=ValidationHint(**{key: _int64(value) for key, value in hint.items()}))


def test_class_lists_come_first(dataset):
    rows = {"train_rows": range(1, 15), "val_rows": range(16, 20)}
    listed = with_hint(dataset, train_classes=[0, 2, 3], val_classes=[1, 4], **rows)
    validation = validation_dataset(listed)
    np.testing.assert_array_equal(validation.unseen_classes, [1, 4])
    assert "valclasses1.txt" in validation.notes[-1]


def test_an_unseen_class_in_the_list_stays_outside(dataset):
    validation = validation_dataset(with_hint(dataset, val_classes=[1, 5]))
    np.testing.assert_array_equal(validation.unseen_classes, [1])


def test_without_lists_the_classes_of_val_loc_are_used_but_not_its_rows(dataset):
    located = with_hint(dataset, train_rows=range(15), val_rows=range(15, 25))
    validation = validation_dataset(located)
    np.testing.assert_array_equal(validation.unseen_classes, [3, 4])
    assert "val_loc" in validation.notes[-1]
    assert "3 rows of train_loc are of test_seen" in validation.notes[-1]
    assert "2 rows of val_loc are of test_seen" in validation.notes[-1]


def test_a_class_in_both_goes_where_more_of_its_training_rows_are_and_trains_on_a_tie(dataset):
    # Class 1: three of four in val_loc. Class 2: two and two. The test row 5 of class 1 counts for neither.
    located = with_hint(dataset, train_rows=[5, 6, 11, 12], val_rows=[7, 8, 9, 13, 14])
    np.testing.assert_array_equal(validation_dataset(located).unseen_classes, [1])


@pytest.mark.parametrize(
    "hint",
    [
        {},
        {"val_classes": [5]},
        {"val_classes": [0, 1, 2, 3, 4]},
        {"train_rows": [0, 5], "val_rows": [10, 15]},
        {"val_rows": [1, 2]},
    ],
    ids=["nothing", "only unseen classes", "every class", "test rows alone", "no train_loc"],
)
def test_a_source_that_leaves_a_side_without_classes_is_passed_over(dataset, hint):
    validation = validation_dataset(with_hint(dataset, **hint))
    np.testing.assert_array_equal(validation.unseen_classes, [1, 3])
    assert "evenly spaced" in validation.notes[-1]


@pytest.mark.parametrize(("seen", "expected"), [(2, 1), (3, 1), (4, 2), (10, 2), (15, 3), (40, 8)])
def test_about_a_fifth_of_the_classes_is_chosen_but_two_where_there_are_four(seen, expected):
    dataset = make_synthetic(seen + 1, 1, 2, 2, 5, 0.1, seed=0)
    assert len(validation_dataset(dataset).unseen_classes) == expected


def test_a_class_with_a_single_row_only_trains():
    labels = [0, 1, 1, 1, 2, 2, 3]
    dataset = with_hint(dataset_of(labels, Split("ps", range(6), [], [6])), val_classes=[2])
    validation = validation_dataset(dataset)
    np.testing.assert_array_equal(validation.seen_classes, [0, 1])
    np.testing.assert_array_equal(validation.split.test_seen, [2])


def test_one_seen_class_is_refused():
    with pytest.raises(DataError, match="fewer than two seen classes"):
        validation_dataset(dataset_of([0, 0, 1], Split("ps", [0, 1], [], [2])))


def test_training_classes_of_single_rows_are_refused():
    with pytest.raises(DataError, match="single row"):
        validation_dataset(dataset_of([0, 1, 2], Split("ps", [0, 1], [], [2])))


def test_the_digits_have_a_sound_validation_split():
    digits = load_digits()
    validation = validation_dataset(digits)
    assert_sound(digits, validation)
    assert len(validation.unseen_classes) == 2


def test_flowers_validate_on_the_twenty_classes_of_val_loc(real_data):
    flowers = read_folder(Path(real_data, "FLO"), "FLO", "efficientnet_lite0", ["att"])[0]
    validation = validation_dataset(flowers)
    assert_sound(flowers, validation)
    assert len(validation.unseen_classes) == 20
    # Every trainval row of train_loc (4705) trains or is held out; those of val_loc (926) are unseen.
    assert validation.split.counts["test_unseen"] == 926
    assert validation.split.counts["trainval"] + validation.split.counts["test_seen"] == 4705
    assert "1173 rows of train_loc" in validation.notes[-1]
    assert "230 rows of val_loc" in validation.notes[-1]


def deal_labels(splits, unseen, val):
    """Give rows of test_unseen the unseen classes, other rows of val_loc ``val``, and the rest the others."""
    labels = np.empty(sum(splits.split.counts.values()), dtype=np.int64)
    is_unseen = np.isin(np.arange(len(labels)), splits.split.test_unseen)
    is_val = np.isin(np.arange(len(labels)), splits.val_rows) & ~is_unseen & (len(val) > 0)
    others = np.setdiff1d(np.arange(len(splits.class_names)), [*unseen, *val])
    for rows, classes in ((is_unseen, unseen), (is_val, val), (~is_unseen & ~is_val, others)):
        labels[rows] = np.resize(classes, rows.sum())
    return labels


@pytest.mark.parametrize(
    ("name", "file", "leaks"),
    [
        ("AWA1", "att", (0, 0)),
        ("ce-gzsl-copies/AWA1", "att", (3404, 1554)),
        ("ce-gzsl-copies/AWA2", "att", (4031, 1851)),
        ("AWA2", "binaryAtt", (4031, 1851)),
        ("CUB", "sent", (1173, 591)),
        ("ce-gzsl-copies/SUN", "att", (2320, 260)),
    ],
)
def test_published_rows_of_test_classes_do_not_validate(real_data, name, file, leaks):
    """The published labels are not needed; copies without class lists do not name validation classes."""
    folder = Path(real_data, name)
    splits = read_splits(folder, file)
    unseen, val = (
        [splits.class_names.index(listed) for listed in read_class_list(folder / file)]
        if (folder / file).is_file()
        else []
        for file in ("testclasses.txt", "valclasses1.txt")
    )
    labels = deal_labels(splits, unseen or range(catalogue()[folder.name].expected.unseen), val)
    dataset = dataset_of(labels, splits.split, ValidationHint(splits.train_rows, splits.val_rows))
    validation = validation_dataset(dataset)
    assert_sound(dataset, validation)
    for part, count in zip(("train_loc", "val_loc"), leaks, strict=True):
        assert f"{count} rows of {part}" in validation.notes[-1]
