"""Checks of datasets: their spec, their content, and that they load the same every time."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gzslbench.data.catalogue import ROOT_VARIABLE, compare, find_folder
from gzslbench.data.checks import check_dataset, check_features
from gzslbench.data.dataset import Dataset, content_fingerprint
from gzslbench.data.load import feature_files, load_dataset
from gzslbench.data.validation import validation_dataset
from gzslbench.data.views import make_views
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.testing.check import NotApplicable, require


class DatasetCase:
    """One dataset, loaded once."""

    def __init__(self, spec: DatasetSpec) -> None:
        self.spec = spec

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset, loaded once."""
        return self.load()

    def load(self) -> Dataset:
        """Load it with its default features, or with others if only those are on this machine."""
        if self.spec.load:
            return load_dataset(self.spec.name)
        folder = find_folder(self.spec.name)
        available = [] if folder is None else feature_files(folder)
        if not available:
            raise NotApplicable(f"its files are not under ${ROOT_VARIABLE}")
        features = self.spec.features if self.spec.features in available else available[0]
        return load_dataset(self.spec.name, features)


def spec_is_complete(case: DatasetCase) -> None:
    """The spec has a title, and says where to get the files of a dataset that is read from files."""
    spec = case.spec
    valid, fix = bool(spec.name) and not set(spec.name) & set("/\\ "), "use letters, digits and hyphens"
    require(valid, f"the name {spec.name!r} is empty or contains a slash or a space", fix)
    require(bool(spec.title.strip()), "the spec has no title", "write the full name in `title`")
    what = "the dataset is read from files, and the spec does not say where to get them"
    require(bool(spec.load or spec.url), what, "give the spec a `url`, or a `load` that creates the dataset")


def it_loads_and_is_consistent(case: DatasetCase) -> None:
    """Features, labels, semantics, names and split fit together, are finite and do not overlap."""
    dataset, spec = case.dataset, case.spec
    check_dataset(dataset, spec.load or dataset.name)
    check_features(dataset.features, spec.load or dataset.name)
    names = (dataset.features_name, dataset.semantics_name)
    valid = not spec.load or names == (spec.features, spec.semantics)
    what = f"it has {' and '.join(names)}, but its spec says {spec.features} and {spec.semantics}"
    require(valid, what, "write the same names in the spec and in the Dataset")
    types = [array.dtype.name for array in (dataset.features, dataset.labels, dataset.semantics)]
    what = f"features, labels and semantics are {', '.join(types)}"
    fix = "convert them to float32, int64 and float32"
    require(types == ["float32", "int64", "float32"], what, fix)


def its_fingerprint_is_that_of_its_content(case: DatasetCase) -> None:
    """`content`, which tells tasks apart, is the sha256 of features, labels and semantics."""
    dataset = case.dataset
    expected = content_fingerprint(dataset.features, dataset.labels, dataset.semantics)
    fix = "compute it by gzslbench.data.dataset.content_fingerprint"
    require(dataset.content == expected, "`content` is not the hash of the dataset's arrays", fix)


def it_loads_the_same_twice(case: DatasetCase) -> None:
    """Loaded twice, it is the same task."""
    first, second = case.dataset.task_id, case.load().task_id
    fix = "draw from a generator with a fixed seed, and sort what the file system lists"
    require(first == second, f"loaded twice, it is {first} and {second}", fix)


def it_is_what_was_published(case: DatasetCase) -> None:
    """Counts, dimensions and split are those that the spec expects."""
    if case.spec.expected is None:
        raise NotApplicable("its spec has no `expected` content")
    differ = [found for found in compare(case.dataset, case.spec.expected) if not found.agrees]
    what = "; ".join(f"{found.what}: {found.found}, not {found.expected}" for found in differ)
    require(not differ, what, "get the published files, or correct `expected`")


def views_and_validation_can_be_made(case: DatasetCase) -> None:
    """Both views can be made, and a validation split whose rows are all in trainval."""
    dataset = case.dataset
    view, _ = make_views(dataset, "minmax", "cpu")
    finite, fix = bool(view.features.isfinite().all()), "look for columns that overflow float32"
    require(finite, "scaled to [0, 1], features are NaN or infinite", fix)
    split = validation_dataset(dataset).split
    rows = np.concatenate([split.trainval, split.test_seen, split.test_unseen])
    fix = "use only rows of trainval in train_rows and val_rows of `validation`"
    valid = set(rows.tolist()) <= set(dataset.split.trainval.tolist())
    require(valid, "the validation split contains test rows", fix)
