"""The torture program: counts, resuming and exit status, with attacks that cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench._version import VERSION
from gzslbench_benchmarks.torture import __main__ as program
from gzslbench_benchmarks.torture.attacks import find_attacks
from gzslbench_benchmarks.torture.commands import COMMANDS
from gzslbench_benchmarks.torture.findings import NOTHING_TO_DO, Attempt, Results
from gzslbench_benchmarks.torture.readers import READERS


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The attempts that ran: twenty, of which the one with number 7 is a finding."""
    ran: list[str] = []

    def attempt(number: int) -> Attempt:
        def run() -> str | None:
            ran.append(f"{number}")
            return "it broke\nbadly" if number == 7 else None

        return Attempt("even" if number % 2 == 0 else "odd", f"again {number}", run)

    def attempts(seed: int, root: Path) -> Iterator[Attempt]:
        assert root.is_dir()
        return map(attempt, range(seed, seed + 20))

    monkeypatch.setattr(program, "find_attacks", lambda: {"numbers": attempts})
    monkeypatch.setattr(program, "commit_of", lambda file: "c0ffee")
    return ran


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(program.main, arguments, catch_exceptions=False)
    return done.exit_code, done.output


def test_a_finding_is_one_line_with_its_reproduction_and_gives_exit_1(tried: list[str]) -> None:
    code, output = call()
    assert code == 1
    assert "odd: it broke badly | again 7" in output.splitlines()
    assert [line.split() for line in output.splitlines()[-3:]] == [
        ["even", "10", "0", "0"],
        ["odd", "10", "1", "1"],
        ["all", "20", "1", "1"],
    ]


def test_attempts_that_hold_give_exit_0(tried: list[str]) -> None:
    assert call("--only", "even")[0] == 0
    assert tried == [str(number) for number in range(0, 20, 2)]


def test_one_attempt_is_repeated_by_name_and_number(tried: list[str]) -> None:
    assert call("--only", "odd", "--number", "3")[0] == 1
    assert tried == ["7"]


def test_a_pattern_names_several_attempts_which_are_counted_apart(tried: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert call("--only", "e*n", "--results", str(file))[0] == 0
    assert tried == [str(number) for number in range(0, 20, 2)]
    assert json.loads(file.read_text())["done"] == {"numbers/e*n": 10}
    tried.clear()
    assert call("--only", "e*n", "--results", str(file))[0] == 0
    assert tried == []


def test_the_next_call_goes_on_after_the_attempts_in_the_results(tried: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"seed": 0, "done": {"numbers": 15}, "attempts": {"odd": 15}, "findings": []}))
    assert call("--results", str(file))[0] == 0
    assert tried == ["15", "16", "17", "18", "19"]
    stored = json.loads(file.read_text())
    assert stored["done"] == {"numbers": 20}
    assert stored["counts"] == {
        "even": {"attempts": 2, "findings": 0, "kinds": 0},
        "odd": {"attempts": 18, "findings": 0, "kinds": 0},
    }


def test_totals_of_results_that_were_continued_count_mutants_kills_and_records(tried, tmp_path) -> None:
    file = tmp_path / "results.json"
    before = {"tune-killed": 3, "tune-full": 4, "random-kill": 2, "many-writers": 5, "record": 90}
    stored = {"seed": 0, "done": {"mutants": 90, "numbers": 10}, "attempts": before, "calls": 2}
    file.write_text(json.dumps({**stored, "findings": []}))
    call("--results", str(file))
    found = json.loads(file.read_text())
    assert found["totals"] == {"mutants": 90, "kills": 5, "records": 5000, "attempts": 114, "findings": 0}
    assert (found["calls"], found["commit"], found["version"]) == (3, "c0ffee", VERSION)
    assert call("--results", str(file), "--minutes", "0")[0] == 0, "the sums are not read"


def test_results_of_another_seed_are_not_mixed(tried: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert call("--results", str(file), "--minutes", "0")[0] == 0
    code, output = call("--results", str(file), "--seed", "5")
    assert (code, tried) == (2, [])
    assert "seed 0" in output


def test_no_time_tries_nothing(tried: list[str]) -> None:
    assert call("--minutes", "0")[0] == 0
    assert tried == []


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(tried: list[str]) -> None:
    code, output = call("--only", "evn")
    assert code == 2
    assert "even" in output


def test_the_last_attempt_of_each_attack_is_found_by_its_name(tmp_path: Path) -> None:
    for name in (READERS[-1].name, f"{COMMANDS[-1].name}-refused", "random-kill"):
        place = tmp_path / name
        place.mkdir()
        assert list(program._open_attacks(0, name, 0, place, {})) == [name]


def test_the_counts_of_the_last_long_run_are_of_this_program() -> None:
    file = Path(program.__file__).with_name("last_run.json")
    stored = json.loads(file.read_text())
    results = Results.read(file, stored["seed"])
    assert results.totals() == stored["totals"]
    assert results.counts() == stored["counts"]
    of_steps = {name: n for name, n in results.done.items() if name.startswith("broken_off")}
    without = sum(results.done.values()) - sum(results.attempts.values())
    assert 0 <= without < sum(of_steps.values()), "only steps that a command does not have are not counted"
    assert {name.partition("/")[0] for name in results.done} <= {*find_attacks(), *results.attempts}
    assert results.version and results.date and results.commit


def test_an_attempt_that_had_nothing_to_attack_is_not_counted() -> None:
    results, attempt = Results(1), Attempt("tune-killed", "again", lambda: None)
    results.add("broken_off", attempt, None)
    assert results.add("broken_off", attempt, NOTHING_TO_DO) is None
    assert (results.done, results.attempts) == ({"broken_off": 2}, {"tune-killed": 1})
    assert results.findings == []
