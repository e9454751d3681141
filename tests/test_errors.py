from __future__ import annotations

import pytest

from gzslbench.errors import did_you_mean


@pytest.mark.parametrize("name", ["CE-GZSL", "ce-gzsl", "Ce-gsl"])
def test_the_nearest_name_is_found_in_any_case_and_written_as_it_is_known(name: str) -> None:
    known = ["ce-gzsl", "f-clswgan", "AWA2"]
    assert did_you_mean(name, known) == "did you mean 'ce-gzsl'? known: AWA2, ce-gzsl, f-clswgan"
    assert did_you_mean("awa-2", known).startswith("did you mean 'AWA2'? ")


def test_nothing_near_is_answered_with_all_there_are() -> None:
    assert did_you_mean("x", ["ce-gzsl"]) == "known: ce-gzsl"
    assert did_you_mean("", []) == "known: none"
