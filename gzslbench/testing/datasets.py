"""Checks of datasets: what their spec says, what they hold, and that they hold the same tomorrow."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gzslbench.data.catalogue import compare
from gzslbench.data.checks import check_dataset, check_features
from gzslbench.data.dataset import Dataset, content_fingerprint
from gzslbench.data.load import feature_files, load_dataset
from gzslbench.data.locate import ROOT_VARIABLE, find_folder
from gzslbench.data.validation import validation_dataset
from gzslbench.data.views import make_views
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.testing.check import NotApplicable, demand


class DatasetCase:
    """One dataset, loaded once."""

    def __init__(self, spec: DatasetSpec) -> None:
        self.spec = spec

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset with its default features, or others where only those are there."""
        return self.load()

    def load(self) -> Dataset:
        """It, loaded anew.

        Raises:
            NotApplicable: It is read from files, and they are not there.
        """
        if self.spec.load:
            return load_dataset(self.spec.name)
        folder = find_folder(self.spec.name)
        there = [] if folder is None else feature_files(folder)
        if not there:
            raise NotApplicable(f"its files are not under ${ROOT_VARIABLE}")
        return load_dataset(self.spec.name, self.spec.features if self.spec.features in there else there[0])


def spec_is_complete(case: DatasetCase) -> None:
    """The spec has a title, and a file dataset says where it can be had."""
    spec = case.spec
    demand(
        bool(spec.name.strip()) and not set(spec.name) & set("/\\ "),
        f"the name {spec.name!r} is no name",
        "use letters, digits and hyphens",
    )
    demand(bool(spec.title.strip()), "the spec has no title", "write its name in full in `title`")
    demand(
        bool(spec.load or spec.url),
        "it is read from files, and nothing says where to get them",
        "give the spec a `url`, or a `load` that makes the dataset",
    )


def it_loads_and_is_whole(case: DatasetCase) -> None:
    """Features, labels, semantics, names and split fit together, finite and without overlap."""
    dataset = case.dataset
    check_dataset(dataset, case.spec.load or dataset.name)
    check_features(dataset.features, case.spec.load or dataset.name)
    demand(
        not case.spec.load
        or (dataset.features_name, dataset.semantics_name) == (case.spec.features, case.spec.semantics),
        f"it holds {dataset.features_name} and {dataset.semantics_name}, but its spec promises"
        f" {case.spec.features} and {case.spec.semantics}",
        "write the same names in the spec and in the Dataset",
    )
    kinds = [each.dtype.name for each in (dataset.features, dataset.labels, dataset.semantics)]
    demand(
        kinds == ["float32", "int64", "float32"],
        f"features, labels and semantics are {', '.join(kinds)}",
        "make them float32, int64 and float32",
    )


def its_fingerprint_is_that_of_its_content(case: DatasetCase) -> None:
    """`content` is the sha256 of features, labels and semantics, by which tasks are told apart."""
    dataset = case.dataset
    demand(
        dataset.content == content_fingerprint(dataset.features, dataset.labels, dataset.semantics),
        "`content` is not the hash of what the dataset holds",
        "compute it by gzslbench.data.dataset.content_fingerprint",
    )


def it_loads_the_same_twice(case: DatasetCase) -> None:
    """Loaded twice, it is the same task."""
    first, second = case.dataset.task_id, case.load().task_id
    demand(
        first == second,
        f"loaded twice, it is {first} and {second}",
        "draw from a generator with a fixed seed, and sort what the file system lists",
    )


def it_is_what_was_published(case: DatasetCase) -> None:
    """Counts, dimensions and split are those that the spec expects."""
    if case.spec.expected is None:
        raise NotApplicable("its spec expects nothing of its content")
    unlike = [each for each in compare(case.dataset, case.spec.expected) if not each.agrees]
    told = "; ".join(f"{each.what}: {each.found}, not {each.expected}" for each in unlike)
    demand(not unlike, told, "get the published files, or mend `expected`")


def views_and_validation_can_be_made(case: DatasetCase) -> None:
    """Both views can be made of it, and a validation split whose rows all lie inside trainval."""
    dataset = case.dataset
    view, _ = make_views(dataset, "minmax", "cpu")
    demand(
        bool(view.features.isfinite().all()),
        "scaled to [0, 1] its features are no numbers",
        "look for columns that overflow float32",
    )
    held = validation_dataset(dataset).split
    rows = np.concatenate([held.trainval, held.test_seen, held.test_unseen])
    demand(
        set(rows.tolist()) <= set(dataset.split.trainval.tolist()),
        "the validation split holds test rows",
        "leave train_rows and val_rows of `validation` within trainval",
    )


DATASET_CHECKS = (
    spec_is_complete,
    it_loads_and_is_whole,
    its_fingerprint_is_that_of_its_content,
    it_loads_the_same_twice,
    it_is_what_was_published,
    views_and_validation_can_be_made,
)
