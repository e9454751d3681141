from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data import checks
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.building.folders import ClassFolder
from gzslbench.prepare.building.plan import Rows, sample_classes
from gzslbench.prepare.building.plan import partition as partition_rows

shares = st.floats(0, 1, exclude_min=True, exclude_max=True)
seeds = st.integers(0, 2**64)


@st.composite
def worlds(draw):
    """Classes of two images or more, and which of them are unseen."""
    sizes = draw(st.lists(st.integers(2, 30), min_size=2, max_size=9))
    classes = [folder(f"class {number}", size) for number, size in enumerate(sizes)]
    unseen = draw(st.sets(st.sampled_from(classes), min_size=1, max_size=len(classes) - 1))
    return classes, {item.name for item in unseen}


def folder(name: str, size: int) -> ClassFolder:
    return ClassFolder(name, tuple(f"{name}/{number}.jpg" for number in range(size)))


def partition(classes: list[ClassFolder], unseen: set[str], share: float, seed: int):
    labels = np.array([number for number, item in enumerate(classes) for _ in item.files])
    files = tuple(file for item in classes for file in item.files)
    return partition_rows(Rows(tuple(item.name for item in classes), labels, files), unseen, share, seed)


def test_rows_in_another_order_have_the_same_rows_tested():
    labels = np.array([0, 1, 0, 1, 0, 1, 1, 0, 2])
    names = tuple(f"row {number}" for number in range(9))
    order = np.array([4, 8, 0, 2, 7, 1, 6, 3, 5])
    one = Rows(("a", "b", "c"), labels, names)
    other = Rows(("a", "b", "c"), labels[order], tuple(names[i] for i in order))
    tested = [{r.names[i] for i in partition_rows(r, {"c"}, 0.5, 3).split.test_seen} for r in (one, other)]
    assert tested[0] == tested[1] and len(tested[0]) == 4


@settings(max_examples=25)
@given(worlds(), shares, seeds)
def test_every_image_is_in_one_part_and_unseen_classes_never_train(world, share, seed):
    classes, unseen = world
    made = partition(classes, unseen, share=share, seed=seed)
    labels = [number for number, item in enumerate(classes) for _ in item.files]
    assert made.labels.tolist() == labels
    checks.check_split(made.split, len(labels), "here")
    checks.check_classes(made.split, made.labels, [item.name for item in classes], "here")
    numbers = {number for number, item in enumerate(classes) if item.name in unseen}
    assert set(made.labels[made.split.test_unseen]) == numbers
    assert numbers.isdisjoint(made.labels[made.split.trainval])
    assert numbers.isdisjoint(made.labels[made.split.test_seen])


@settings(max_examples=25)
@given(worlds(), shares, seeds)
def test_each_seen_class_tests_its_share(world, share, seed):
    classes, unseen = world
    made = partition(classes, unseen, share=share, seed=seed)
    tested = np.bincount(made.labels[made.split.test_seen], minlength=len(classes))
    for item, number in zip(classes, tested.tolist(), strict=True):
        if item.name not in unseen:
            assert 1 <= number <= len(item.files) - 1
            assert abs(number - share * len(item.files)) <= 1


@settings(max_examples=25)
@given(worlds(), shares, seeds)
def test_the_same_seed_gives_the_same_split(world, share, seed):
    classes, unseen = world
    one, other = (partition(classes, unseen, share=share, seed=seed) for _ in range(2))
    assert one.split.fingerprint == other.split.fingerprint


@settings(max_examples=25)
@given(worlds(), seeds)
def test_another_class_leaves_the_tested_images_of_the_others_as_they_were(world, seed):
    classes, unseen = world

    def tested(found):
        files = [file for item in found for file in item.files]
        rows = partition(found, unseen, share=0.3, seed=seed).split.test_seen
        return {files[row] for row in rows}

    more = [folder("another", 7), *classes]
    assert {file for file in tested(more) if not file.startswith("another/")} == tested(classes)


def test_seeds_differ():
    classes = [folder("seen", 40), folder("unseen", 4)]
    splits = [partition(classes, {"unseen"}, share=0.5, seed=seed).split.fingerprint for seed in range(5)]
    assert len(set(splits)) == 5
    names = [f"class {number}" for number in range(20)]
    assert len({sample_classes(names, 5, seed, "unseen", "--unseen-classes") for seed in range(5)}) == 5


def test_sampling_depends_only_on_hashes_of_names():
    names = [f"class {number}" for number in range(20)]
    order = sorted(names, key=lambda name: hashlib.sha256(f"7/build/unseen/{name}".encode()).hexdigest())
    assert sample_classes(names, 5, 7, "unseen", "") == tuple(sorted(order[:5]))
    assert sample_classes(names[::-1], 5, 7, "unseen", "") == tuple(sorted(order[:5]))
    classes = [folder("seen", 10), folder("unseen", 1)]
    files = sorted(
        classes[0].files, key=lambda file: hashlib.sha256(f"7/build/test_seen/{file}".encode()).hexdigest()
    )
    tested = partition(classes, {"unseen"}, share=0.3, seed=7).split.test_seen
    assert [classes[0].files[row] for row in tested] == sorted(files[:3])


@pytest.mark.parametrize("number", [-1, 0, 3, 4])
def test_a_number_of_classes_out_of_range_is_refused(number):
    with pytest.raises(ParamError, match=r"of 3 classes(.|\n)*--unseen-classes(.|\n)*from 1 to 2"):
        sample_classes(["a", "b", "c"], number, 0, "unseen", "--unseen-classes")


def test_a_seen_class_of_one_image_is_refused_and_an_unseen_one_is_not():
    classes = [folder("one", 1), folder("many", 4)]
    partition(classes, {"one"}, share=0.5, seed=0)
    with pytest.raises(DataError, match=r"single image(.|\n)*'one'"):
        partition(classes, {"many"}, share=0.5, seed=0)
