from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data.dataset import Attributes, Split
from gzslbench.data.preprocessing import PREPROCESSINGS, fit_preprocessing
from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.data.variants import shuffle_semantics
from gzslbench.data.views import make_views
from gzslbench.errors import PluginError
from gzslbench.plugins import ClassTransductiveView, TransductiveView


@pytest.fixture(scope="module")
def dataset():
    """Five classes in an order where seen and unseen ones alternate, labels in random row order."""
    made = make_synthetic(5, 2, 6, 3, 10, 0.2, seed=0)
    rename = np.array([4, 0, 2, 1, 3])
    order = np.random.default_rng(0).permutation(len(made.labels))
    place = np.argsort(order)
    split = Split("fixed", *(place[getattr(made.split, p)] for p in ("trainval", "test_seen", "test_unseen")))
    semantics = np.empty_like(made.semantics)
    semantics[rename] = made.semantics
    return replace(
        made,
        features=made.features[order],
        labels=rename[made.labels][order],
        semantics=semantics,
        split=split,
    )


def rows_of(tensor):
    return {row.tobytes() for row in np.ascontiguousarray(tensor.cpu().numpy())}


def test_seen_and_unseen_classes_are_interleaved_in_this_dataset(dataset):
    np.testing.assert_array_equal(dataset.seen_classes, [0, 2, 4])
    np.testing.assert_array_equal(dataset.unseen_classes, [1, 3])


def test_minmax_is_fitted_on_the_training_rows_only(dataset):
    features = dataset.features.copy()
    features[dataset.split.test_unseen] *= 100
    train, _ = make_views(replace(dataset, features=features), "minmax", "cpu")
    expected, held_out = make_views(dataset, "minmax", "cpu")
    assert torch.equal(train.features, expected.features)
    assert train.features.min() == 0
    assert train.features.max() == 1
    assert held_out.unseen_features.max() > 1


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_each_part_has_its_preprocessed_rows(dataset, preprocessing):
    split = dataset.split
    transform = fit_preprocessing(preprocessing, dataset.features[split.trainval])
    train, held_out = make_views(dataset, preprocessing, "cpu")
    for tensor, rows in (
        (train.features, split.trainval),
        (held_out.seen_features, split.test_seen),
        (held_out.unseen_features, split.test_unseen),
    ):
        np.testing.assert_array_equal(tensor.numpy(), transform(dataset.features[rows]))


def test_training_labels_number_the_rows_of_the_training_semantics(dataset):
    train, _ = make_views(dataset, "none", "cpu")
    own = dataset.semantics[dataset.labels[dataset.split.trainval]]
    np.testing.assert_array_equal(train.semantics[train.labels].numpy(), own)
    assert sorted(set(train.labels.tolist())) == [0, 1, 2]


def test_test_labels_number_the_candidate_classes(dataset):
    _, held_out = make_views(dataset, "none", "cpu")
    for labels, rows in (
        (held_out.seen_labels, dataset.split.test_seen),
        (held_out.unseen_labels, dataset.split.test_unseen),
    ):
        own = dataset.semantics[dataset.labels[rows]]
        np.testing.assert_array_equal(held_out.semantics[labels].numpy(), own)
    assert held_out.seen[held_out.seen_labels].all()
    assert not held_out.seen[held_out.unseen_labels].any()


def test_the_ith_seen_candidate_is_row_i_of_the_training_semantics(dataset):
    train, held_out = make_views(dataset, "none", "cpu")
    assert torch.equal(held_out.semantics[held_out.seen], train.semantics)
    np.testing.assert_array_equal(held_out.classes, np.arange(5))
    np.testing.assert_array_equal(held_out.seen.numpy(), [True, False, True, False, True])


def test_classes_outside_the_split_are_no_candidates(dataset):
    kept = dataset.split.test_unseen[dataset.labels[dataset.split.test_unseen] == 3]
    smaller = replace(dataset, split=replace(dataset.split, test_unseen=kept))
    _, held_out = make_views(smaller, "none", "cpu")
    np.testing.assert_array_equal(held_out.classes, [0, 2, 3, 4])
    assert held_out.semantics.shape == (4, 3)


@pytest.mark.parametrize("setting", ["inductive", "class-transductive"])
def test_no_tensor_of_a_view_without_test_features_holds_a_test_row(dataset, setting):
    train, held_out = make_views(dataset, "minmax", "cpu", setting)
    test_rows = rows_of(held_out.seen_features) | rows_of(held_out.unseen_features)
    assert len(test_rows) == len(held_out.seen_features) + len(held_out.unseen_features)
    values = {field.name: getattr(train, field.name) for field in fields(train)}
    tensors = {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}
    not_features = {"class_names", "unseen_class_names", "attribute_names", "attribute_vectors"}
    assert values.keys() - tensors.keys() <= not_features
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and tensor.shape[1] == 6:
            assert not rows_of(tensor) & test_rows, name
        # Nor does its storage: a method cannot reach past the end of what it was given.
        assert tensor.untyped_storage().nbytes() == tensor.nbytes, name


def test_a_method_that_writes_into_its_view_leaves_the_dataset_as_it_was(dataset):
    vectors = np.ones((3, 2), np.float32)
    whole = replace(dataset, attributes=Attributes(("a", "b", "c"), vectors.copy()))
    before = whole.features.copy(), whole.semantics.copy(), whole.labels.copy(), vectors
    train, _ = make_views(whole, "none", "cpu")
    for tensor in (train.features, train.labels, train.semantics, train.attribute_vectors):
        tensor.fill_(7)
    after = whole.features, whole.semantics, whole.labels, whole.attributes.vectors
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_inductive_view_has_no_unseen_semantics(dataset):
    train, held_out = make_views(dataset, "minmax", "cpu")
    assert not rows_of(train.semantics) & rows_of(held_out.semantics[~held_out.seen])


def test_a_class_transductive_view_adds_the_unseen_semantics_and_nothing_else(dataset):
    train, held_out = make_views(dataset, "minmax", "cpu", "class-transductive")
    assert type(train) is ClassTransductiveView
    assert torch.equal(train.unseen_semantics, held_out.semantics[~held_out.seen])


def test_a_transductive_view_adds_every_test_row_once_in_another_order(dataset):
    train, held_out = make_views(dataset, "minmax", "cpu", "transductive")
    assert type(train) is TransductiveView
    stacked = torch.cat([held_out.seen_features, held_out.unseen_features])
    assert sorted(map(tuple, train.unlabelled.tolist())) == sorted(map(tuple, stacked.tolist()))
    assert not torch.equal(train.unlabelled, stacked)


def test_the_order_of_the_unlabelled_rows_is_that_of_their_bytes_whatever_their_place_in_the_data(dataset):
    train, _ = make_views(dataset, "none", "cpu", "transductive")
    hashes = [hashlib.sha256(row.tobytes()).hexdigest() for row in train.unlabelled.numpy()]
    assert hashes == sorted(hashes)
    split = dataset.split
    swapped = replace(split, test_seen=split.test_unseen, test_unseen=split.test_seen)
    other, _ = make_views(replace(dataset, split=swapped), "none", "cpu", "transductive")
    assert torch.equal(train.unlabelled, other.unlabelled)


@pytest.mark.parametrize("setting", ["Transductive", "", "inductve"])
def test_a_setting_that_is_none_gives_no_view(dataset, setting):
    with pytest.raises(PluginError, match=f"no setting '{setting}'"):
        make_views(dataset, "none", "cpu", setting)


def test_changing_a_view_leaves_the_dataset_and_the_other_view_unchanged(dataset):
    before = dataset.features.copy(), dataset.semantics.copy()
    train, held_out = make_views(dataset, "none", "cpu")
    semantics = held_out.semantics.clone()
    train.features.zero_()
    train.semantics.zero_()
    np.testing.assert_array_equal(dataset.features, before[0])
    np.testing.assert_array_equal(dataset.semantics, before[1])
    assert torch.equal(held_out.semantics, semantics)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 9), st.integers(1, 2), st.integers(0, 20))
def test_labels_of_both_views_name_the_same_classes(classes, unseen, seed):
    dataset = make_synthetic(classes, unseen, 3, 2, 4, 0.1, seed)
    train, held_out = make_views(dataset, "minmax", "cpu")
    seen_ids = held_out.classes[held_out.seen.numpy()]
    np.testing.assert_array_equal(seen_ids[train.labels], dataset.labels[dataset.split.trainval])
    np.testing.assert_array_equal(
        held_out.classes[held_out.unseen_labels], dataset.labels[dataset.split.test_unseen]
    )


def test_a_view_names_its_classes_and_only_a_wider_setting_names_the_unseen_ones(dataset):
    names = [dataset.class_names[i] for i in range(5)]
    train, _ = make_views(dataset, "none", torch.device("cpu"))
    assert list(train.class_names) == [names[i] for i in dataset.seen_classes]
    assert not hasattr(train, "unseen_class_names")
    wide, _ = make_views(dataset, "none", torch.device("cpu"), "class-transductive")
    assert list(wide.unseen_class_names) == [names[i] for i in dataset.unseen_classes]


def test_shuffled_semantics_take_their_names_along(dataset):
    """Otherwise a method that reads names would see through the control."""
    shuffled = shuffle_semantics(dataset, 1)
    train, _ = make_views(shuffled, "none", torch.device("cpu"))
    rows = dict(zip(dataset.class_names, dataset.semantics, strict=True))
    for name, semantics in zip(train.class_names, train.semantics.numpy(), strict=True):
        assert (rows[name] == semantics).all()
    assert shuffled.class_names == dataset.class_names  # reports name the classes of the images
    assert list(train.class_names) != [dataset.class_names[i] for i in dataset.seen_classes]
