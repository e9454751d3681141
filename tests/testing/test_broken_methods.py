"""A method that is broken in one way fails the checks of this, and passes all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.testing import checks_of
from gzslbench.testing.check import run_check

pytestmark = pytest.mark.acceptance  # a check imports the plugin in a new process
BOTH_REPEATS = {"the-same-seed-trains-the-same-model", "evaluation-changes-nothing"}
BROKEN = {
    "Unreached": {"losses-reach-what-they-update"},
    "Squeezing": {"outputs-have-their-shapes"},
    "Comparing": {"rows-do-not-influence-each-other"},
    "Loading": {"no-test-row-is-within-reach"},
    "Searching": {"no-test-row-is-within-reach"},
    "Keeping": {"no-test-row-is-within-reach"},
    "Random": {*BOTH_REPEATS, "resumed-it-trains-the-same"},
    "Seeded": {"another-seed-trains-another-model"},
    "Counting": {"resumed-it-trains-the-same"},
    "Averaging": {"resumed-it-trains-the-same"},
    "Learning": {"evaluation-changes-nothing"},
    "Deviating": {"it-trains-on-a-batch-of-one"},
    "Standardizing": {"it-trains-on-one-seen-class"},
    "Demanding": {
        "another-seed-trains-another-model",  # one of its batches has no row of a class
        "it-trains-on-a-batch-of-one",
        "it-trains-on-more-classes-than-rows-in-a-batch",
    },
    "Cancelling": {"bfloat16-stays-near"},
    "Waiting": {"no-step-makes-the-host-wait"},
    "Straying": {"resumed-it-trains-the-same"},
    "Checking": {"no-step-makes-the-host-wait"},
}
WRONG_FIELDS = {
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
    "Accepting": "wrong-parameters-are-refused",
}


def failed(spec, *, fast=True):
    outcomes = [run_check(check) for check in checks_of(spec, fast=fast)]  # each for itself
    assert all(outcome.fix for outcome in outcomes if outcome.status == "failed")
    return {outcome.check: outcome for outcome in outcomes if outcome.status == "failed"}


def run_one(spec, name):
    (check,) = [check for check in checks_of(spec) if check.name == name]
    return run_check(check)


@pytest.mark.parametrize("kind", ["scoring", "generative"])
def test_a_method_that_keeps_its_contract_fails_no_check(spec_of, kind) -> None:
    assert failed(spec_of("Toy" if kind == "scoring" else "Generating", kind=kind), fast=False) == {}


def test_a_method_that_uses_all_of_the_contract_fails_no_check(spec_of) -> None:
    assert failed(spec_of("Rich"), fast=False) == {}


def test_an_evolving_method_that_keeps_its_contract_fails_no_check(spec_of) -> None:
    assert failed(spec_of("Evolving", setting="evolving"), fast=False) == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Idle", "learned nothing"),
        ("Wandering", "two streams of the same rows"),
        ("Drifting", "two streams of the same rows"),
        ("Standing", "evolve"),
    ],
)
def test_a_method_whose_stream_is_broken_fails_the_check_of_streams(spec_of, name, words) -> None:
    outcome = run_one(spec_of(name, setting="evolving"), "it-evolves-along-the-stream-only")
    assert outcome.status == "failed" and words in outcome.what


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_method_fails_only_the_checks_of_what_is_broken(spec_of, name) -> None:
    assert failed(spec_of(name)).keys() == BROKEN[name]


def test_two_phases_of_one_name_fail_every_check_that_needs_them_with_the_same_words(spec_of) -> None:
    found = failed(spec_of("SamePhases"))
    assert "networks-and-stages-fit" in found and "it-trains-on-a-batch-of-one" in found
    assert all(" are called 'map'" in outcome.what for outcome in found.values())


def test_test_rows_in_a_module_are_found_with_their_place(spec_of) -> None:
    found = failed(spec_of("Holding", load="holding_methods:Holding"))
    assert found.keys() == {"no-test-row-is-within-reach"}
    assert "holding_methods.ROWS['of the test'][0]" in found["no-test-row-is-within-reach"].what


def test_random_numbers_outside_the_noise_fail_every_repetition(spec_of) -> None:
    found = failed(spec_of("Unstreamed", kind="generative"))
    assert found.keys() == {*BOTH_REPEATS, "resumed-it-trains-the-same"}


@pytest.mark.parametrize("field", WRONG_FIELDS)
def test_a_wrong_field_of_the_spec_fails(spec_of, field) -> None:
    assert (
        run_one(replace(spec_of("Toy"), **{field: WRONG_FIELDS[field]}), "spec-is-complete").status
        == "failed"
    )


def test_a_missing_class_is_named(spec_of) -> None:
    outcome = run_one(spec_of("Toi"), "spec-is-complete")
    assert outcome.status == "failed" and "Toi" in outcome.what and "package.module:name" in outcome.fix


@pytest.mark.parametrize("params", PARAMS)
def test_broken_parameters_fail_only_the_check_of_what_is_broken(spec_of, params) -> None:
    assert failed(spec_of("Toy", params)).keys() == {PARAMS[params]}


def test_a_field_without_param_is_named(spec_of) -> None:
    outcome = run_one(spec_of("Toy", "Bare"), "parameters-are-documented")
    assert outcome.status == "failed" and "width" in outcome.what and "param(" in outcome.fix


def test_parameters_that_import_torch_fail(spec_of) -> None:
    import heavy_params

    spec = spec_of("Toy", params=heavy_params.HeavyParams)
    assert "imports torch" in run_one(spec, "listing-imports-no-torch").what


def test_the_shape_of_a_term_that_is_not_a_scalar_is_named(spec_of) -> None:
    assert "(1,)" in run_one(spec_of("Unreduced"), "losses-reach-what-they-update").what


@pytest.mark.parametrize("name", ["Rising", "Mistaken"])
def test_a_method_that_does_not_learn_fails(spec_of, name) -> None:
    outcome = run_one(spec_of(name), "it-comes-far-above-chance")
    assert outcome.status == "failed" and outcome.what.startswith("H is ") and outcome.fix


def test_the_place_of_an_exception_of_the_method_is_named(spec_of) -> None:
    outcome = run_one(spec_of("Dividing"), "losses-reach-what-they-update")
    assert "ZeroDivisionError: by its author" in outcome.what
    assert "broken_methods.py, line " in outcome.fix


@pytest.mark.parametrize(("kind", "name"), [("generative", "Toy"), ("scoring", "Generating")])
def test_a_method_of_another_kind_than_its_spec_fails(spec_of, kind, name) -> None:
    outcome = run_one(spec_of(name, kind=kind), "outputs-have-their-shapes")
    assert outcome.status == "failed" and "but its kind is" in outcome.what


def test_presets_without_sources_and_an_incomplete_readme_fail(spec_of, tmp_path, monkeypatch) -> None:
    package = tmp_path / "incomplete"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "method.py").write_text("from broken_methods import Toy\n")
    (package / "defaults.toml").write_text("[default]\nlr = 0.01\n")
    (package / "README.md").write_text("`epochs`, `batch_size` and `lr`")
    monkeypatch.syspath_prepend(tmp_path)
    found = failed(spec_of("Toy", load="incomplete.method:Toy"))
    assert found.keys() == {"presets-name-their-sources", "readme-names-losses-and-parameters"}
    assert "[default]" in found["presets-name-their-sources"].what
    assert "map_loss" in found["readme-names-losses-and-parameters"].what
