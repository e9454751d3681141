"""Every check rings: a method broken in one way fails the checks meant for it, and passes all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

BOTH_REPEATS = {"the-same-seed-gives-the-same-record", "evaluation-changes-nothing"}
BROKEN = {
    "SamePhases": {"networks-and-stages-fit"},
    "Unreached": {"losses-reach-what-they-update"},
    "Squeezing": {"outputs-have-their-shapes"},
    "Comparing": {"rows-do-not-influence-each-other"},
    "Loading": {"no-test-row-is-within-reach"},
    "Searching": {"no-test-row-is-within-reach"},
    "Keeping": {"no-test-row-is-within-reach"},
    "Random": {*BOTH_REPEATS, "resumed-it-trains-the-same"},
    "Seeded": {"another-seed-gives-another-model"},
    "Counting": {"resumed-it-trains-the-same"},
    "Averaging": {"saved-and-loaded-it-predicts-the-same"},
    "Learning": {"evaluation-changes-nothing"},
    "Deviating": {"it-trains-on-a-batch-of-one"},
    "Standardizing": {"it-trains-on-one-seen-class"},
    "Demanding": {"it-trains-on-a-batch-of-one", "it-trains-on-more-classes-than-rows-in-a-batch"},
    "Cancelling": {"bfloat16-stays-near"},
    "Waiting": {"no-step-makes-the-host-wait"},
}
UNTRUE = {
    "paper": "Nobody: Toys",
    "url": "example.org",
    "name": "My_Toy",
    "title": " ",
    "kind": "closed-form",
    "setting": "all-seeing",
    "preprocessing": "whiten",
    "version": 0,
}
PARAMS = {
    "Undocumented": "parameters-are-documented",
    "Unranged": "parameters-are-documented",
    "Searching": "search-spaces-lie-in-range",
    "Halving": "parameters-survive-a-record",
    "Accepting": "parameters-out-of-range-are-refused",
}


def failed(spec, *, fast=True):
    outcomes = [run_check(check) for check in checks_of(spec, fast=fast)]
    assert all(each.fix for each in outcomes if each.status == "failed")
    return {each.check: each for each in outcomes if each.status == "failed"}


def made(spec, name):
    (check,) = [check for check in checks_of(spec) if check.name == name]
    return run_check(check)


@pytest.mark.parametrize("kind", ["scoring", "generative"])
def test_a_toy_that_keeps_its_contract_fails_none(spec_of, kind) -> None:
    assert failed(spec_of("Toy" if kind == "scoring" else "Generating", kind=kind), fast=False) == {}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_in_one_way_it_fails_what_is_meant_for_that(spec_of, name) -> None:
    assert failed(spec_of(name)).keys() == BROKEN[name]


def test_a_module_that_holds_test_rows_is_told_with_their_place(spec_of) -> None:
    found = failed(spec_of("Holding", load="holding_methods:Holding"))
    assert found.keys() == {"no-test-row-is-within-reach"}
    assert "holding_methods.ROWS['of the test'][0]" in found["no-test-row-is-within-reach"].what


def test_draws_outside_the_noise_are_told_by_every_repetition(spec_of) -> None:
    found = failed(spec_of("Unstreamed", kind="generative"))
    assert found.keys() == {*BOTH_REPEATS, "saved-and-loaded-it-predicts-the-same"}


@pytest.mark.parametrize("field", UNTRUE)
def test_every_field_of_the_spec_is_looked_at(spec_of, field) -> None:
    assert made(replace(spec_of("Toy"), **{field: UNTRUE[field]}), "spec-is-complete").status == "failed"


def test_a_class_that_is_not_there_is_told_by_its_name(spec_of) -> None:
    told = made(spec_of("Toi"), "spec-is-complete")
    assert told.status == "failed" and "Toi" in told.what and "package.module:Class" in told.fix


@pytest.mark.parametrize("params", PARAMS)
def test_parameters_broken_in_one_way_fail_what_is_meant_for_that(spec_of, params) -> None:
    assert failed(spec_of("Toy", params)).keys() == {PARAMS[params]}


def test_a_bare_field_is_told_by_its_name(spec_of) -> None:
    told = made(spec_of("Toy", "Bare"), "parameters-are-documented")
    assert told.status == "failed" and "width" in told.what and "param(" in told.fix


def test_parameters_that_drag_torch_along_are_told(spec_of) -> None:
    import heavy_params

    spec = spec_of("Toy", params=heavy_params.HeavyParams)
    assert "imports torch" in made(spec, "listing-imports-no-torch").what


def test_a_term_that_is_no_scalar_is_told_with_its_shape(spec_of) -> None:
    assert "(1,)" in made(spec_of("Unreduced"), "losses-reach-what-they-update").what


@pytest.mark.parametrize(
    ("name", "check"), [("Rising", "a-loss-falls"), ("Mistaken", "it-comes-far-above-chance")]
)
def test_what_does_not_learn_is_told(spec_of, name, check) -> None:
    told = made(spec_of(name), check)
    assert told.status == "failed" and told.fix


def test_a_loss_that_rises_is_told_with_its_numbers(spec_of) -> None:
    assert "map/distance" in made(spec_of("Rising"), "a-loss-falls").what


def test_an_exception_of_the_method_is_told_with_its_place(spec_of) -> None:
    told = made(spec_of("Dividing"), "losses-reach-what-they-update")
    assert "ZeroDivisionError: by its author" in told.what
    assert "broken_methods.py, line " in told.fix


@pytest.mark.parametrize(("kind", "name"), [("generative", "Toy"), ("scoring", "Generating")])
def test_a_method_of_another_kind_than_it_says_is_told(spec_of, kind, name) -> None:
    told = made(spec_of(name, kind=kind), "outputs-have-their-shapes")
    assert told.status == "failed" and "but its kind is" in told.what


def test_presets_and_a_readme_that_say_too_little_are_told(spec_of, tmp_path, monkeypatch) -> None:
    package = tmp_path / "telling_little"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "method.py").write_text("from broken_methods import Toy\n")
    (package / "defaults.toml").write_text("[default]\nlr = 0.01\n")
    (package / "README.md").write_text("`epochs`, `batch_size` and `lr`")
    monkeypatch.syspath_prepend(tmp_path)
    found = failed(spec_of("Toy", load="telling_little.method:Toy"))
    assert found.keys() == {"presets-name-their-sources", "readme-names-losses-and-parameters"}
    assert "[default]" in found["presets-name-their-sources"].what
    assert "map_loss" in found["readme-names-losses-and-parameters"].what
