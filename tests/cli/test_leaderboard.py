from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main


def called(*arguments):
    return CliRunner().invoke(main, ["leaderboard", *map(str, arguments)])


def test_methods_are_side_by_side_with_spread_interval_and_seeds(results):
    done = called(results)
    assert done.exit_code == 0, done.output
    first, second = (line for line in done.stdout.splitlines() if line.startswith(("ce-gzsl", "f-clswgan")))
    assert "74.0 ± 2.0 [69.0, 79.0] (n=3) *" in first
    assert second.startswith("f-clswgan") and "62.0 ± 1.0" in second


@pytest.mark.parametrize("form", ["md", "latex", "html"])
def test_every_format_has_every_row(results, form):
    done = called(results, "--format", form, "--no-intervals", "--costs")
    assert done.exit_code == 0
    for text in ("ce-gzsl", "f-clswgan", "74.0", "62.0", "minutes"):
        assert text in done.stdout


def test_data_formats_contain_the_runs_of_each_number(results):
    content = json.loads(called(results, "--format", "json").stdout)
    (board,) = content["boards"]
    best = board["rows"][0]["scores"]["AWA2"]
    assert best["by_seed"] == {"1": 72.0, "2": 74.0, "3": 76.0} and len(best["runs"]) == 3
    lines = list(csv.DictReader(io.StringIO(called(results, "--format", "csv").stdout)))
    assert [(line["method"], float(line["mean"]), line["n"]) for line in lines] == [
        ("ce-gzsl", 74.0, "3"),
        ("f-clswgan", 62.0, "3"),
    ]


def test_runs_of_other_parameters_get_a_table_that_says_why(results, keep):
    keep("ce-gzsl", 1, 99.0, epochs=2)
    done = called(results)
    assert "this is a separate table because parameters differ from the presets" in done.stdout
    assert "ce-gzsl: epochs=2" in done.stdout


def test_published_numbers_are_below(results):
    done = called(results, "--with-published")
    assert "CE-GZSL, published" in done.stdout and "ce-gzsl, best epoch on test" in done.stdout
    assert "published" not in called(results).stdout.replace("published habits", "")


@pytest.mark.parametrize("options", [("--dataset", "AWA2"), ("--method", "ce-gzsl"), ("--metric", "AUSUC")])
def test_it_can_be_filtered(results, keep, options):
    keep("sae", 1, 5.0, dataset="CUB", weight=0.5)
    done = called(results, *options)
    assert done.exit_code == 0
    assert ("sae" in done.stdout) == (options[0] == "--metric")


def test_without_runs_it_says_what_to_do(tmp_path, results):
    for arguments in ([tmp_path / "none"], [results, "--select", "val"], [results, "--dataset", "nil"]):
        done = called(*arguments)
        assert done.exit_code == 2
        assert "no runs to compare" in done.output
    assert (
        "6 runs left out: no metrics selected by val, only by last"
        in called(results, "--select", "val").output
    )


def test_intervals_may_be_left_out_and_the_test_chosen(results):
    assert "[69.0, 79.0]" in called(results).output
    assert "[" not in called(results, "--no-intervals").output
    over = called(results, "--test", "classes", "--metric", "U")
    assert over.exit_code == 0 and "Wilcoxon's signed-rank test" in over.output
    assert "~" not in over.output.split("in brackets")[0]  # these runs keep no predictions
    for refused in (("--metric", "H"), ("--metric", "U", "--select", "test-peek")):
        outcome = called(results, "--test", "classes", *refused)
        assert outcome.exit_code == 2 and "--test classes needs" in outcome.output


def test_two_runs_of_one_seed_in_a_row_are_an_error_and_one_can_be_left_out(results, keep):
    keep("ce-gzsl", 1, 99.0)
    other = edit_cell(results / "ce-gzsl-AWA2-s1-99.0", lambda cell: cell["params"].popitem())
    done = called(results)
    assert done.exit_code == 2
    assert "ce-gzsl-AWA2-s1-72.0" in done.output and other in done.output and "--without" in done.output
    assert "74.0 ± 2.0" in called(results, "--without", other).stdout


def edit_cell(folder, change):
    record = json.loads((folder / "record.json").read_text())
    change(record["cell"])
    (folder / "record.json").write_text(json.dumps(record))
    return folder.name


def test_data_that_are_not_the_published_ones_are_marked_in_every_format(results, keep):
    folder = keep("ce-gzsl", 1, 99.0, dataset="CUB")
    record = json.loads((folder / "record.json").read_text())
    record["task"]["split_fingerprint"] = "0" * 64
    (folder / "record.json").write_text(json.dumps(record))
    for form in ("console", "md", "latex", "html", "csv", "json"):
        assert "another split" in called(results, "--format", form).stdout
        assert "another split" not in called(results, "--format", form, "--dataset", "AWA2").stdout
