from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.errors import ParamError
from gzslbench.sweeps.suites.baseline import claims_table, write_baseline
from gzslbench.sweeps.suites.schema import Claim
from gzslbench.sweeps.suites.suite import load_suite

SUITE = """
title = "tiny"
[shared]
dataset = "digits"
[[runs]]
name = "with"
method = "eszsl"
seeds = [1]
[[runs]]
name = "without"
method = "eszsl"
set = { alpha = 0.0 }
seeds = [1]
[[claims]]
method = "small"
text = "it helps"
better = "with"
than = "without"
metric = "U"
"""
CLAIM = Claim("small", "it helps", better="with", than="without", metric="U")


def runs(**by_seed):
    """Runs of these U by seed; their AUSUC is 100 - U, so that every verdict in it is the opposite."""
    return [{"seed": int(seed[1:]), "metrics": {"U": U, "AUSUC": 100 - U}} for seed, U in by_seed.items()]


def rows(**groups):
    """The rows of the table; "with" is named ``yes``, "without" is ``no``."""
    table = claims_table([CLAIM], {"with": groups.get("yes", ()), "without": groups.get("no", ())})
    return table.splitlines()[2:]


def test_a_claim_is_judged_by_the_seeds_that_both_sides_have():
    assert rows(yes=runs(s1=30.0, s2=50.0, s3=99.0), no=runs(s1=20.0, s2=55.0, s4=0.0)) == [
        "| small | it helps | U | 40.0 | 37.5 | holds in 1 of 2 seeds | 60.0 | 62.5 | holds in 1 of 2 seeds |"
    ]


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ({"s1": 20.0, "s2": 30.0}, "holds in all 2 seeds"),
        ({"s1": 50.0, "s2": 60.0}, "holds in none of 2 seeds"),
        ({"s1": 20.0}, "holds (one seed)"),
        ({"s1": 50.0}, "does not hold (one seed)"),
        ({"s1": 40.0}, "does not hold (one seed)"),
    ],
)
def test_the_verdict_says_in_how_many_seeds(without, words):
    (row,) = rows(yes=runs(s1=40.0, s2=50.0), no=runs(**without))
    assert row.split(" | ")[5] == words


def test_the_area_judges_a_claim_without_the_bias():
    (row,) = rows(yes=runs(s1=40.0), no=runs(s1=30.0))
    assert row.split(" | ")[3:] == [
        "40.0",
        "30.0",
        "holds (one seed)",
        "60.0",
        "70.0",
        "does not hold (one seed) |",
    ]


def test_a_claim_without_finished_runs_on_both_sides_is_left_out():
    assert rows(yes=runs(s1=1.0), no=[{"seed": 1, "failure": {}}]) == rows(yes=runs(s1=1.0)) == []


def test_a_claim_in_an_unknown_metric_is_refused_with_its_line(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE.replace('metric = "U"', 'metric = "X"'))
    with pytest.raises(ParamError, match=r"metric: .*'X'") as caught:
        load_suite(str(path))
    assert str(caught.value.where).endswith(", line 14")


def test_the_command_prints_the_table_of_the_stored_metrics(tmp_path):
    suite, stored = tmp_path / "tiny.toml", tmp_path / "tiny.json"
    suite.write_text(SUITE)
    command = ["claims", str(suite)]
    missing = CliRunner().invoke(main, command)
    assert missing.exit_code == 2 and "no stored metrics" in missing.output
    groups = {"with": runs(s1=30.0), "without": runs(s1=20.0)}
    write_baseline(stored, {"runs": {name: {"summary": {}, "runs": each} for name, each in groups.items()}})
    printed = CliRunner().invoke(main, command)
    assert printed.exit_code == 0
    assert printed.output == claims_table([CLAIM], groups)


def test_the_page_of_claims_has_the_table_of_the_stored_metrics():
    document = (Path(__file__).parents[3] / "docs" / "claims.md").read_text(encoding="utf-8")
    printed = CliRunner().invoke(main, ["claims"])
    assert printed.exit_code == 0 and printed.output in document


def test_a_claim_is_checked_of_every_paper_whose_method_or_head_was_measured():
    requests = [run.request for run in load_suite("flo-lite0").runs]
    measured = {request.method for request in requests} | {request.head for request in requests} - {None}
    assert len(measured) >= 18
    claims = {claim.method for claim in load_suite("flo-lite0-claims").claims}
    assert measured - claims == set()
