"""Every check of a head rings."""

from __future__ import annotations

import pytest

from gzslbench.plugins.head import HeadSpec
from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

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
        return {each.check: each for each in map(run_check, checks_of(spec))}

    return outcomes


@pytest.mark.parametrize("name", BROKEN)
def test_broken_in_one_way_it_fails_what_is_meant_for_that(outcomes, name) -> None:
    found = outcomes(name)
    assert {each.check for each in found.values() if each.status == "failed"} == BROKEN[name]


@pytest.mark.parametrize(
    ("name", "told"),
    [("Unsettled", "settings() returned None"), ("Impatient", "1 heads for 2"), ("Transposed", "(432, 29)")],
)
def test_what_fits_nothing_is_told_first(outcomes, name, told) -> None:
    found = outcomes(name)["settings-and-scores-fit"]
    assert found.status == "failed" and told in found.what


def test_a_setting_that_there_is_not_is_told(outcomes) -> None:
    assert outcomes("Means", setting="all-seeing")["spec-is-complete"].status == "failed"
