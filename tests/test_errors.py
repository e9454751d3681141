from __future__ import annotations

import pickle

import pytest

from gzslbench.errors import DivergedError, GzslBenchError, did_you_mean


@pytest.mark.parametrize("name", ["CE-GZSL", "ce-gzsl", "Ce-gsl"])
def test_the_nearest_name_is_found_in_upper_and_lower_case(name: str) -> None:
    known = ["ce-gzsl", "f-clswgan", "AWA2"]
    assert did_you_mean(name, known) == "did you mean 'ce-gzsl'? known: AWA2, ce-gzsl, f-clswgan"
    assert did_you_mean("awa-2", known).startswith("did you mean 'AWA2'? ")


def test_without_a_near_name_all_names_are_listed() -> None:
    assert did_you_mean("x", ["ce-gzsl"]) == "known: ce-gzsl"
    assert did_you_mean("", []) == "known: none"


@pytest.mark.parametrize(
    "error",
    [GzslBenchError("no", where="here", fix="go"), DivergedError("kl", float("inf"), "map", 3)],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_another_process_is_the_same(error: GzslBenchError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
