from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gzslbench.api.leaderboard import Select
from gzslbench.cli import options
from gzslbench.evaluation import selection
from gzslbench.runs import cell, record, store


def test_the_copies_of_constants_are_true() -> None:
    assert Path(store.DEFAULT_ROOT) == options.DEFAULT_RESULTS
    assert tuple(selection.RULES) == options.RULES == get_args(Select)
    assert cell.CONTROLS == options.CONTROLS
    assert record.PERCENTAGES == options.METRICS


def test_options_are_listed_in_the_order_in_which_they_are_combined(invoke) -> None:
    help_text = invoke("run", "--help").output
    names = ("--method", "--dataset", "--features", "--semantics", "--data")
    places = [help_text.index(f"  {name} ") for name in names]
    assert places == sorted(places)


def test_a_file_of_another_kind_is_not_overwritten(invoke, tmp_path) -> None:
    done = invoke("runs", "export", "--out", str(tmp_path / "notes.txt"))
    assert done.exit_code == 2
    assert "must end in .zip" in done.stderr
    assert not (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize("command", ["leaderboard", "compare", "report"])
def test_folders_of_runs_are_arguments_or_options(invoke, results, command) -> None:
    results.rename(results.with_name("other"))
    assert invoke(command, "--method", "ce-gzsl").exit_code == 2
    by_argument = invoke(command, "other", "--method", "ce-gzsl")
    by_option = invoke(command, "--results", "other", "--method", "ce-gzsl")
    assert by_argument.exit_code == by_option.exit_code < 2
    assert by_argument.stdout == by_option.stdout != ""


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", "ten"), ("--seed", "1,a"), ("--eval-repeats", "x")]
)
def test_a_value_that_is_no_number_is_refused_in_plain_words(invoke, option: str, value: str) -> None:
    done = invoke("run", "--method", "cnzsl", "--dataset", "digits", option, value)
    assert done.exit_code == 2
    assert "is not a valid integer." in done.output
