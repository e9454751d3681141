from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data.shuffled import shuffle_semantics
from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.errors import DataError


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
    with pytest.raises(DataError, match="one class alone"):
        shuffle_semantics(replace(dataset, semantics=dataset.semantics[:1]), 0)
