from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.errors import ParamError
from gzslbench.plugins.registry import plugins
from gzslbench.sweep.suites.baseline import claims_table, judge_claims, write_baseline
from gzslbench.sweep.suites.schema import Claim
from gzslbench.sweep.suites.suite import load_suite

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
    return [{"seed": int(seed[1:]), "metrics": {"U": U, "H": 0.0}} for seed, U in by_seed.items()]


def verdict(with_it, without):
    (one,) = judge_claims([CLAIM], {"with": with_it, "without": without})
    return one


def test_a_claim_is_judged_seed_by_seed_over_those_that_both_sides_have():
    found = verdict(runs(s1=30.0, s2=50.0, s3=99.0), runs(s1=20.0, s2=55.0, s4=0.0))
    assert found.means == (40.0, 37.5)
    assert found.differences == {1: 10.0, 2: -5.0}
    assert found.words == "holds in 1 of 2 seeds"


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
    assert verdict(runs(s1=40.0, s2=50.0), runs(**without)).words == words


def test_what_has_diverged_or_is_missing_is_asked_nothing():
    failed = [{"seed": 1, "failure": {}}]
    assert list(judge_claims([CLAIM], {"with": runs(s1=1.0), "without": failed})) == []
    assert list(judge_claims([CLAIM], {"with": runs(s1=1.0)})) == []


def test_the_table_is_markdown():
    lines = claims_table([verdict(runs(s1=30.0), runs(s1=20.0))]).splitlines()
    assert lines[2] == "| small | it helps | U | 30.0 | 20.0 | holds (one seed) |"
    assert {line.count("|") for line in lines} == {7}


def test_a_claim_in_an_unknown_metric_is_refused_with_its_line(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE.replace('metric = "U"', 'metric = "X"'))
    with pytest.raises(ParamError, match=r"metric: .*'X'") as caught:
        load_suite(str(path))
    assert str(caught.value.where).endswith(", line 14")


def test_the_command_prints_the_verdicts_of_what_is_stored(tmp_path):
    suite, stored = tmp_path / "tiny.toml", tmp_path / "tiny.json"
    suite.write_text(SUITE)
    command = ["claims", str(suite)]
    missing = CliRunner().invoke(main, command)
    assert missing.exit_code == 2 and "no stored metrics" in missing.output
    groups = {"with": runs(s1=30.0), "without": runs(s1=20.0)}
    write_baseline(stored, {"runs": {name: {"summary": {}, "runs": each} for name, each in groups.items()}})
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 0
    assert told.output == claims_table([verdict(groups["with"], groups["without"])])


def test_the_document_of_claims_holds_what_is_stored():
    document = (Path(__file__).parents[3] / "docs" / "claims.md").read_text(encoding="utf-8")
    told = CliRunner().invoke(main, ["claims"])
    assert told.exit_code == 0 and told.output in document


@pytest.mark.parametrize("name", sorted(plugins().methods()) + sorted(plugins().heads()))
def test_a_claim_of_every_paper_is_checked(name):
    assert name in {claim.method for claim in load_suite("flo-lite0-claims").claims}
