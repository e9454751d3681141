"""An extractor that is broken in one way fails the checks of this, and passes all others."""

from __future__ import annotations

import pytest

from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

pytestmark = pytest.mark.acceptance  # a check imports the plugin in a new process
BROKEN = {
    "Sound": set(),
    "Training": {"loader-keeps-its-contract"},
    "Nameless": {"loader-keeps-its-contract"},
    "Cropping": {"loader-keeps-its-contract"},
    "Mixing": {"features-depend-on-their-image-only"},
    "Random": {"features-depend-on-their-image-only"},
    "Sightless": {"different-images-have-different-features"},
}


@pytest.fixture
def outcomes(broken):
    def outcomes(loader, **fields):
        defaults = {
            "name": "toy", "title": "Toy", "paper": "Nobody: Toys, nowhere 2026", "url": "https://example.org",
            "load": f"broken_extractors:{loader}", "weights": "its own", "width": 4,
        }  # fmt: skip
        return {
            outcome.check: outcome
            for outcome in map(run_check, checks_of(ExtractorSpec(**{**defaults, **fields})))
        }

    return outcomes


def failed(found):
    return {outcome.check for outcome in found.values() if outcome.status == "failed"}


@pytest.mark.parametrize("name", BROKEN)
def test_it_fails_only_the_checks_of_what_is_broken(outcomes, name) -> None:
    assert failed(outcomes(name)) == BROKEN[name]


@pytest.mark.parametrize(
    ("name", "message"), [("Mapping", "not to a row per image"), ("Dividing", "NaN or infinite")]
)
def test_features_of_a_wrong_shape_or_not_finite_fail(outcomes, name, message) -> None:
    found = outcomes(name)["features-have-their-shape"]
    assert found.status == "failed" and message in found.what


@pytest.mark.parametrize(
    "fields",
    [{"name": "Toy"}, {"title": " "}, {"paper": "Nobody"}, {"url": ""}, {"weights": ""},
     {"load": "broken_extractors:SMALL"}],
)  # fmt: skip
def test_an_incomplete_spec_fails(outcomes, fields) -> None:
    assert "spec-is-complete" in failed(outcomes("Sound", **fields))


def test_another_width_fails(outcomes) -> None:
    assert failed(outcomes("Sound", width=5)) == {"features-have-their-shape"}


def test_without_the_model_that_it_needs_it_is_skipped(outcomes) -> None:
    found = outcomes("Sound", model="MODEL")["features-have-their-shape"]
    assert found.status == "skipped" and "toy:MODEL" in found.what
