from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.data.catalogue import catalogue
from gzslbench.data.load import load_dataset
from gzslbench.report.published_data import dataset_label, mark_of, training_note, why_not_verified
from gzslbench.runs.cell import TaskInfo, describe_task

EXPECTED = catalogue()["CUB"].expected
PUBLISHED = TaskInfo(
    "CUB/res101/att/ps-1-2",
    "CUB",
    "res101",
    "att",
    split_fingerprint=EXPECTED.fingerprints["xlsa17, att and sent"],
    feature_dimension=2048,
    semantics_content=EXPECTED.semantics_content["att"],
)


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({}, ""),
        ({"split_fingerprint": "0" * 64}, "another split"),
        ({"feature_dimension": 1000}, "other features"),
        ({"extractor": "resnet101"}, "other features"),
        ({"semantics_content": "0" * 64}, "other semantics"),
        ({"split_fingerprint": "0" * 64, "feature_dimension": 7}, "another split, other features"),
        ({"notes": ["synthetic data: like CUB"], "split_fingerprint": "0" * 64}, "synthetic data"),
        # as version 0.1 wrote it
        ({"notes": ["Features and image names in this folder are made: like CUB."]}, "synthetic data"),
        # features and semantics under a name of their own are no claim to be the published ones
        ({"features": "resnet1000", "feature_dimension": 1000}, ""),
        ({"semantics": "att-shuffled1", "semantics_content": "0" * 64}, ""),
        ({"dataset": "mine", "split_fingerprint": "0" * 64}, ""),
        ({"dataset": "mine", "notes": ["synthetic data: like CUB"]}, "synthetic data"),
        ({"notes": ["train_loc contains 3 rows of test_seen"]}, ""),
    ],
)
def test_data_under_a_published_name_are_marked_by_what_differs(changes, mark):
    task = replace(PUBLISHED, **changes)
    assert mark_of(task) == mark
    assert dataset_label(task) == (f"{task.dataset} ({mark})" if mark else task.dataset)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "mine"}, "not known"),
        ({"features": "resnet1000"}, "resnet1000"),
        ({"split_fingerprint": None}, "older version"),
        ({"feature_dimension": None}, "older version"),
    ],
)
def test_data_that_are_not_known_to_be_published_are_not_compared(changes, words):
    assert why_not_verified(PUBLISHED) is None
    assert words in why_not_verified(replace(PUBLISHED, **changes))


def test_the_synthetic_dataset_is_marked_and_the_digits_are_not():
    assert mark_of(describe_task(load_dataset("synthetic"))) == "synthetic data"
    assert mark_of(describe_task(load_dataset("digits"))) == ""


def test_the_real_flowers_are_the_published_ones_and_a_part_of_them_is_not(real_data):
    flowers = load_dataset("FLO", "efficientnet_lite0", root=real_data)
    assert mark_of(describe_task(flowers)) == ""
    halved = replace(flowers, semantics=flowers.semantics / 2)
    assert mark_of(describe_task(halved)) == "other semantics"


@pytest.mark.parametrize(
    ("pretraining", "changes", "words"),
    [
        ("none", {}, ""),
        ("none", {"dataset": "mine"}, ""),
        ("imagenet-1k", {}, ""),
        ("imagenet-1k, fine-tuned on trainval", {}, ""),
        ("self-supervised: imagenet-1k", {}, ""),
        (
            "imagenet-1k",
            {"dataset": "mine"},
            "imagenet-1k, which may contain unseen classes of mine",
        ),
        ("imagenet-1k", {"split_fingerprint": "0" * 64}, "may contain unseen classes of CUB"),
        ("imagenet-1k, fine-tuned on all rows", {}, "fine-tuned on all rows: it may have seen unseen"),
        ("imagenet-22k", {}, "trained on imagenet-22k: it may have seen unseen classes"),
        ("web image-text", {}, "trained on web image-text: it may have seen unseen classes"),
        ("self-supervised: lvd-142m", {}, "trained on self-supervised: lvd-142m: it may have seen"),
        ("unknown", {}, "was trained on is not known: it may have seen unseen classes"),
        (None, {}, "was trained on is not known: it may have seen unseen classes"),
    ],
)
def test_where_the_network_may_have_seen_unseen_classes_a_note_says_so(pretraining, changes, words):
    note = training_note(replace(PUBLISHED, pretraining=pretraining, **changes))
    assert words in note and bool(note) == bool(words)
