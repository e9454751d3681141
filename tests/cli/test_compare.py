from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main


def called(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.mark.parametrize(
    ("options", "code", "verdict"), [((), 1, "higher"), (("--tolerance", "9"), 0, "agrees")]
)
def test_published_and_own_numbers_are_side_by_side_and_decide_the_exit_status(
    results, options, code, verdict
):
    done = called(results, "--method", "ce-gzsl", *options)
    assert done.exit_code == code, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith("ce-gzsl")]
    assert any(verdict in row and "70.0" in row and "74.0 ± 2.0" in row for row in rows)
    assert "\n[1] READMEs of SAYXNER/SCFA-GZSL and JingHu-gdut/DKGZSL (seen); selection" in done.stdout
    assert rows[0].rstrip().endswith("[1]")


def test_json_has_sources_and_runs(results):
    found = json.loads(called(results, "--method", "ce-gzsl", "--json").stdout)
    due = [item for item in found if item["verdict"] == "higher"]
    assert due and all(item["difference"] == pytest.approx(74.0 - item["published"]) for item in due)
    assert all(item["source"] and len(item["runs"]) == 3 for item in due)


def test_without_runs_it_says_what_to_do(tmp_path):
    done = called(tmp_path)
    assert done.exit_code == 2 and "run some first" in done.output
