from __future__ import annotations

import json

import pytest

from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.registry import Plugins
from gzslbench.testing import Check, CheckFailure, NotApplicable


def passing() -> None:
    pass


def failing() -> None:
    raise CheckFailure("it squeaks", "oil it")


def skipping() -> None:
    raise NotApplicable("it has no wheels")


@pytest.fixture
def suite(monkeypatch):
    """Three checks of every dataset, and one that is slow."""
    checks = [Check("rolls", "It rolls.", passing), Check("brakes", "It brakes.", skipping)]
    slow = Check("lasts", "It lasts.", passing, slow=True)
    monkeypatch.setattr("gzslbench.testing.suites._all_checks", lambda spec: (*checks, slow))

    def replace(function):
        checks[0] = Check("rolls", "It rolls.", function)

    return replace


def test_a_table_says_what_passed_and_why_others_were_skipped(invoke, suite) -> None:
    done = invoke("check", "DIGITS")
    assert done.exit_code == 0, done.output
    assert "dataset digits" in done.output
    assert "it has no wheels" in done.output
    assert "2 passed, 0 failed, 1 skipped" in done.output


def test_a_failure_says_what_to_do_and_exits_with_1(invoke, suite) -> None:
    suite(failing)
    done = invoke("check", "digits")
    assert done.exit_code == 1
    assert "it squeaks" in done.output and "to do: oil it" in done.output
    assert "failed: dataset digits" in done.output


def test_one_error_behind_several_checks_fails_once(invoke, monkeypatch) -> None:
    other = Check("stops", "It stops.", lambda: (_ for _ in ()).throw(CheckFailure("it slides", "sand it")))
    checks = [Check("rolls", "It rolls.", failing), other, Check("turns", "It turns.", failing)]
    monkeypatch.setattr("gzslbench.testing.suites._all_checks", lambda spec: checks)
    done = invoke("check", "digits")
    assert done.exit_code == 1
    assert done.output.count("it squeaks") == done.output.count("it slides") == 1
    assert "the same error as in rolls" in done.output
    assert "0 passed, 2 failed, 1 skipped" in done.output


def test_as_json_it_has_every_outcome(invoke, suite) -> None:
    suite(failing)
    done = invoke("check", "digits", "--json")
    assert done.exit_code == 1
    (outcomes,) = json.loads(done.output).values()
    assert [item["status"] for item in outcomes] == ["failed", "skipped", "passed"]
    assert (outcomes[0]["what"], outcomes[0]["fix"]) == ("it squeaks", "oil it")


def test_fast_leaves_out_the_slow_ones(invoke, suite) -> None:
    assert "lasts" in invoke("check", "digits").output
    assert "lasts" not in invoke("check", "digits", "--fast").output


def test_all_of_a_kind_are_checked(invoke, suite) -> None:
    done = invoke("check", "--all", "--kind", "dataset", "--json")
    assert {"dataset digits", "dataset CUB", "dataset synthetic"} <= set(json.loads(done.output))


@pytest.mark.parametrize("arguments", [(), ("dem", "--all")])
def test_one_name_or_all_must_be_given(invoke, arguments) -> None:
    done = invoke("check", *arguments)
    assert done.exit_code == 2 and "--all" in done.output


def test_what_is_not_there_is_answered_with_the_nearest(invoke) -> None:
    assert "did you mean 'dem'?" in invoke("check", "demm").stderr
    assert "did you mean 'method'?" in invoke("check", "dem", "--kind", "methods").stderr


def test_a_name_of_two_kinds_needs_its_kind(invoke, suite, monkeypatch) -> None:
    spec = DatasetSpec("zlap", "Named like a head")
    monkeypatch.setattr(Plugins, "datasets", lambda _: {"zlap": spec})
    done = invoke("check", "zlap")
    assert done.exit_code == 2 and "--kind head" in done.stderr
    assert "dataset zlap" in invoke("check", "zlap", "--kind", "dataset").output


@pytest.mark.acceptance
def test_a_real_plugin_passes(invoke) -> None:
    done = invoke("check", "eszsl", "--json")
    assert done.exit_code == 0, done.output
    statuses = {item["check"]: item["status"] for item in json.loads(done.output)["method eszsl"]}
    assert statuses["it-comes-far-above-chance"] == "passed"
    assert statuses["another-seed-trains-another-model"] == "skipped"
