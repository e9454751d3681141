"""Every check of an extractor rings."""

from __future__ import annotations

import pytest

from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

BROKEN = {
    "Sound": set(),
    "Training": {"the-loader-gives-what-it-promises"},
    "Nameless": {"the-loader-gives-what-it-promises"},
    "Cropping": {"the-loader-gives-what-it-promises"},
    "Mixing": {"an-image-is-seen-by-itself"},
    "Random": {"an-image-is-seen-by-itself"},
    "Sightless": {"images-are-told-apart"},
}


@pytest.fixture
def outcomes(broken):
    def outcomes(loader, **fields):
        told = {
            "name": "toy", "title": "Toy", "paper": "Nobody: Toys, nowhere 2026", "url": "https://example.org",
            "load": f"broken_extractors:{loader}", "weights": "its own", "width": 4,
        }  # fmt: skip
        return {each.check: each for each in map(run_check, checks_of(ExtractorSpec(**{**told, **fields})))}

    return outcomes


def failed(found):
    return {each.check for each in found.values() if each.status == "failed"}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_in_one_way_it_fails_what_is_meant_for_that(outcomes, name) -> None:
    assert failed(outcomes(name)) == BROKEN[name]


@pytest.mark.parametrize(
    ("name", "told"), [("Mapping", "not to one row per image"), ("Dividing", "NaN or infinite")]
)
def test_features_of_no_shape_and_no_numbers_are_told(outcomes, name, told) -> None:
    found = outcomes(name)["features-have-their-shape"]
    assert found.status == "failed" and told in found.what


@pytest.mark.parametrize(
    "fields",
    [{"name": "Toy"}, {"title": " "}, {"paper": "Nobody"}, {"url": ""}, {"weights": ""},
     {"load": "broken_extractors:SMALL"}],
)  # fmt: skip
def test_an_incomplete_spec_is_told(outcomes, fields) -> None:
    assert "spec-is-complete" in failed(outcomes("Sound", **fields))


def test_another_width_is_told(outcomes) -> None:
    assert failed(outcomes("Sound", width=5)) == {"features-have-their-shape"}


def test_what_takes_a_model_or_weights_is_skipped_without(outcomes) -> None:
    found = outcomes("Sound", model="MODEL")["features-have-their-shape"]
    assert found.status == "skipped" and "toy:MODEL" in found.what
