"""A dataset that is broken in one way fails the checks of this, and passes all others."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data.dataset import Dataset, ValidationHint
from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.plugins.dataset import DatasetSpec, Expected
from gzslbench.plugins.registry import Plugins, plugins
from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

CALLS = itertools.count()
LOADS = "it-loads-and-is-consistent"
VIEWS = "views-and-validation-can-be-made"


def good() -> Dataset:
    return replace(make_synthetic(8, 2, 6, 4, 10, 0.3, seed=3), name="toy")


def drifting() -> Dataset:
    return replace(make_synthetic(8, 2, 6, 4, 10, 0.3, seed=next(CALLS)), name="toy")


def mislabelled() -> Dataset:
    return replace(good(), content="0" * 64)


def renamed() -> Dataset:
    return replace(good(), semantics_name="att")


def double() -> Dataset:
    return replace(good(), features=good().features.astype(np.float64))


def overlapping() -> Dataset:
    split = good().split
    return replace(good(), split=replace(split, test_seen=split.trainval))


@pytest.fixture
def outcomes(monkeypatch):
    def outcomes(function, **fields):
        place = f"{__name__}:{function}"
        whole = {"name": "toy", "title": "Toy", "features": "rectified", "semantics": "latent", "load": place}
        spec = DatasetSpec(**{**whole, **fields})
        monkeypatch.setattr(Plugins, "datasets", lambda _: {"toy": spec})
        return {outcome.check: outcome for outcome in map(run_check, checks_of(spec))}

    return outcomes


def failed(found):
    return {outcome.check for outcome in found.values() if outcome.status == "failed"}


@pytest.mark.parametrize(
    ("load", "checks"),
    [
        ("good", set()),
        ("drifting", {"it-loads-the-same-twice"}),
        ("renamed", {LOADS}),
        ("double", {LOADS}),
    ],
)
def test_it_fails_only_the_checks_of_what_is_broken(outcomes, load, checks) -> None:
    assert failed(outcomes(load)) == checks


def test_a_content_of_other_arrays_fails_when_it_is_loaded(outcomes) -> None:
    assert "its content is '0000" in outcomes("mislabelled")[LOADS].what


def test_a_split_that_overlaps_fails_when_it_is_loaded(outcomes) -> None:
    assert "trainval and test_seen share" in outcomes("overlapping")[LOADS].what


def test_content_that_differs_from_the_expected_fails(outcomes) -> None:
    counts = {"trainval": 48, "test_seen": 12, "test_unseen": 20}
    expected = Expected({}, {}, 80, 6, 2, counts, {"one": good().split.fingerprint})
    assert failed(outcomes("good", expected=expected)) == set()
    found = outcomes("good", expected=replace(expected, rows=81))
    assert failed(found) == {"it-is-what-was-published"}
    assert "images: 80, not 81" in found["it-is-what-was-published"].what


def test_files_without_an_address_or_a_title_fail(outcomes) -> None:
    found = outcomes("good", title="", name="toy")
    assert failed(found) == {"spec-is-complete"}
    assert failed(outcomes("good", load="", url="", name="nowhere")) == {"spec-is-complete"}


def test_missing_files_are_skipped(outcomes, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path))
    found = outcomes("good", load="", url="https://example.org", name="nowhere")
    assert found["spec-is-complete"].status == "passed"
    assert {outcome.status for name, outcome in found.items() if name != "spec-is-complete"} == {"skipped"}


def test_one_seen_class_cannot_be_split_for_validation(outcomes, monkeypatch) -> None:
    one_seen = replace(make_synthetic(3, 2, 6, 4, 10, 0.3, seed=3), name="toy", validation=ValidationHint())
    monkeypatch.setattr("gzslbench.testing.datasets.load_dataset", lambda *_: one_seen)
    assert failed(outcomes("good")) == {VIEWS}


def test_the_real_specs_are_back_afterwards() -> None:
    assert {"digits", "synthetic"} <= set(plugins().datasets())
