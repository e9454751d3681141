"""A head that is broken in one way fails the checks of this, and passes all others."""

from __future__ import annotations

import pytest

from gzslbench.plugins.head import HeadSpec
from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

pytestmark = pytest.mark.acceptance  # a check imports the plugin in a new process
BROKEN = {
    "Means": set(),
    "Global": {"the-global-stream-is-left-alone"},
    "Scaling": {"the-rows-are-left-alone"},
    "Dividing": {"a-batch-may-exceed-the-rows"},
    "Wanting": {"a-batch-may-exceed-the-rows"},
    "Ignorant": {"it-classifies"},
    "Unseeded": {"the-same-seed-fits-the-same-head"},
}


@pytest.fixture
def outcomes(broken):
    from broken_params import ToyParams

    def outcomes(name, **fields):
        spec = HeadSpec(
            name="toy",
            title="Toy",
            paper="Nobody: Toys, nowhere 2026",
            url="https://example.org",
            params=ToyParams,
            load=f"broken_heads:{name}",
            **fields,
        )
        return {outcome.check: outcome for outcome in map(run_check, checks_of(spec))}

    return outcomes


@pytest.mark.parametrize("name", BROKEN)
def test_it_fails_only_the_checks_of_what_is_broken(outcomes, name) -> None:
    found = outcomes(name)
    assert {outcome.check for outcome in found.values() if outcome.status == "failed"} == BROKEN[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Unsettled", "the settings of the head are None"),
        ("Impatient", "1 heads for 2"),
        ("Transposed", "(432, 29)"),
    ],
)
def test_wrong_settings_and_scores_fail_the_first_check(outcomes, name, message) -> None:
    found = outcomes(name)["settings-and-scores-fit"]
    assert found.status == "failed" and message in found.what


def test_an_evolving_head_that_keeps_its_contract_fails_no_check(outcomes) -> None:
    found = outcomes("Evolving", setting="evolving")
    assert not [outcome for outcome in found.values() if outcome.status == "failed"]
    assert found["it-evolves-along-the-stream-only"].status == "passed"


@pytest.mark.parametrize(("name", "words"), [("Spoiled", "two streams"), ("Means", "evolve")])
def test_a_head_whose_stream_is_broken_fails_the_check_of_streams(outcomes, name, words) -> None:
    outcome = outcomes(name, setting="evolving")["it-evolves-along-the-stream-only"]
    assert outcome.status == "failed" and words in outcome.what


def test_an_unknown_setting_fails(outcomes) -> None:
    assert outcomes("Means", setting="all-seeing")["spec-is-complete"].status == "failed"
