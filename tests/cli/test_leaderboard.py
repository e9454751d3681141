from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares, join_seeds
from gzslbench.report.leaderboard.significance import Outcome


def called(*arguments):
    return CliRunner().invoke(main, ["leaderboard", *map(str, arguments)])


def test_a_table_shows_the_four_usual_metrics_in_the_order_of_h(results):
    done = called(results)
    assert done.exit_code == 0, done.output
    title, datasets, metrics, first, second, *_ = done.stdout.splitlines()
    assert title.startswith("T1, U, S and H in percent") and "last epoch" in title and "AWA2" in datasets
    assert metrics.split() == ["method", "T1", "U", "S", "H", "seeds"]
    assert first.split() == ["ce-gzsl", *["74.0±2.0*"] * 4, "3"]
    assert second.split() == ["f-clswgan", *["62.0±1.0'"] * 4, "3"]


def test_metrics_can_be_chosen(results):
    _, _, metrics, *_ = called(results, "--metric", "AUSUC", "--metric", "H").stdout.splitlines()
    assert metrics.split() == ["method", "AUSUC", "H", "seeds"]


def test_a_table_of_one_metric_has_spread_interval_and_seeds(results):
    done = called(results, "--metric", "H")
    assert done.exit_code == 0, done.output
    first, second = (line for line in done.stdout.splitlines() if line.startswith(("ce-gzsl", "f-clswgan")))
    assert "74.0 ± 2.0 [69.0, 79.0] (n=3) *" in first
    assert second.startswith("f-clswgan") and "62.0 ± 1.0" in second


@pytest.mark.parametrize("form", ["md", "latex", "html"])
def test_every_format_has_every_row(results, form):
    done = called(results, "--format", form, "--intervals", "none", "--costs")
    assert done.exit_code == 0
    for text in ("ce-gzsl", "f-clswgan", "74.0", "62.0", "minutes"):
        assert text in done.stdout.lower()


def test_data_formats_contain_the_runs_of_each_number(results):
    content = json.loads(called(results, "--format", "json").stdout)
    (board,) = content["boards"]
    assert board["metrics"] == ["T1", "U", "S", "H"] and board["ordered_by"] == "H"
    best = board["rows"][0]["scores"]["AWA2"]["H"]
    assert best["by_seed"] == {"1": 72.0, "2": 74.0, "3": 76.0} and len(best["runs"]) == 3
    lines = list(csv.DictReader(io.StringIO(called(results, "--format", "csv").stdout)))
    assert [(line["method"], line["metric"], float(line["mean"]), line["n"]) for line in lines] == [
        (method, metric, mean, "3")
        for method, mean in (("ce-gzsl", 74.0), ("f-clswgan", 62.0))
        for metric in ("T1", "U", "S", "H")
    ]


def test_data_formats_contain_published_numbers_with_their_sources(results):
    (board,) = json.loads(called(results, "--format", "json", "--with-published").stdout)["boards"]
    published = [row for row in board["rows"] if row["kind"] == "reference"]
    assert published[0]["scores"]["AWA2"]["H"]["mean"] == 70.0 and "README" in published[0]["source"]
    text = called(results, "--format", "csv", "--with-published").stdout
    lines = [line for line in csv.DictReader(io.StringIO(text)) if line["kind"] == "reference"]
    assert {(line["method"], line["n"]) for line in lines} >= {("CE-GZSL, published", "")}


def test_latex_cites_the_methods_and_writes_their_references(results, tmp_path):
    bib = tmp_path / "methods.bib"
    done = called(results, "--format", "latex", "--bib", bib, "--caption", "Ours & theirs.", "--label", "t:a")
    assert done.exit_code == 0, done.output
    assert r"\caption{Ours \& theirs.}\label{t:a}" in done.stdout and r"CE-GZSL~\cite{ce-gzsl}" in done.stdout
    assert bib.read_text(encoding="utf-8").startswith("@misc{ce-gzsl,")
    table = "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith("%"))
    assert "ce-gzsl-AWA2-s1" in done.stdout and "ce-gzsl-AWA2-s1" not in table  # ids are in comments only
    assert r"\cite" not in called(results, "--format", "latex").stdout
    assert called(results, "--bib", bib).exit_code == 2


def test_runs_of_other_parameters_get_a_table_that_says_why(results, keep):
    keep("ce-gzsl", 1, 99.0, epochs=2)
    done = called(results)
    assert "this is a separate table because parameters differ from the presets" in done.stdout
    assert "ce-gzsl: epochs=2" in done.stdout
    assert done.stdout.count("AWA2: task AWA2/res101/att/ps-1-2") == 1  # the second table does not repeat it


@pytest.mark.parametrize(("third", "tied"), [((73, 74.5, 75), True), ((10, 20, 31), False)])
def test_a_sign_has_a_legend_only_where_it_is_printed(results, keep, third, tied):
    for seed, H in enumerate(third, start=1):
        keep("cnzsl", seed, H)
    lines = called(results, "--metric", "H").stdout.splitlines()
    legends = [line for line in lines if line.startswith(("~ ", "* "))]
    assert sum("*" in line for line in lines if line not in legends) == 1
    assert any(line.endswith("~") for line in lines) == tied
    assert len(legends) == 1 + tied


def test_a_single_row_is_not_the_best_of_anything(results):
    for form in ("console", "md", "latex"):
        printed = called(results, "--method", "ce-gzsl", "--format", form).stdout
        assert "*7" not in printed and "mathbf" not in printed and "est" not in printed
    assert '"best": true' not in called(results, "--method", "ce-gzsl", "--format", "json").stdout


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
    for arguments in ([tmp_path], [results, "--select", "val"], [results, "--dataset", "nil"]):
        done = called(*arguments)
        assert done.exit_code == 2
        assert "no runs to compare" in done.output
    assert "6 runs left out: no numbers by val, only by last" in called(results, "--select", "val").output


def test_intervals_may_be_left_out_and_the_test_chosen(results):
    assert "[69.0, 79.0]" in called(results, "--metric", "H").output
    assert "[" not in called(results, "--metric", "H", "--intervals", "none").output
    for metric in ("U", "H"):
        over = called(results, "--test", "classes", "--metric", metric)
        assert over.exit_code == 0 and "~" not in over.output  # these runs keep no predictions
    boards = json.loads(called(results, "--test", "classes", "--format", "json").stdout)["boards"]
    assert boards[0]["test"] == "the paired bootstrap over test classes"
    refused = called(results, "--test", "classes", "--select", "test-peek")
    assert refused.exit_code == 2 and "--test classes needs predictions" in refused.output


def test_intervals_over_classes_come_from_the_predictions_and_rows_without_are_named(results):
    over = called(results, "--metric", "U", "--intervals", "classes")
    assert "no interval over classes: ce-gzsl, f-clswgan; the runs have no predictions by last" in one_line(
        over
    )
    random, shares = np.random.default_rng(0), []
    for folder in sorted(results.glob("ce-gzsl-*")):
        labels = np.repeat(np.arange(16), 9)
        best = np.where(random.random(144) < 0.7, labels % 8, (labels + 1) % 8)
        gap = random.normal(size=144).astype(np.float32)
        found = Predictions(labels, best, best + 8, gap, best[72:] + 8, np.arange(16) < 8)
        save_predictions(folder / "predictions.npz", found)
        shares.append(class_shares(found))
    ends = class_intervals(join_seeds(shares))
    both = called(results, "--metric", "H", "--intervals", "both").stdout
    assert "[69.0, 79.0] ({:.1f} to {:.1f}) (n=3)".format(*ends["H"]) in both
    for form in ("console", "md", "latex", "html"):  # a table of several metrics
        every = called(results, "--intervals", "classes", "--format", form).stdout
        assert all("({:.1f} to {:.1f})".format(*ends[name]) in every for name in ("T1", "U", "S", "H"))
    content = json.loads(called(results, "--format", "json", "--intervals", "classes").stdout)
    scores = content["boards"][0]["rows"][0]["scores"]["AWA2"]
    assert scores["S"]["class_interval"] == list(ends["S"])
    line = next(csv.DictReader(io.StringIO(called(results, "--format", "csv", "--intervals", "both").stdout)))
    assert (float(line["class_low"]), float(line["class_high"])) == ends[line["metric"]]


def test_probabilities_come_with_the_detectable_difference(results):
    content = json.loads(called(results, "--metric", "H", "--format", "json").stdout)
    score = content["boards"][0]["rows"][1]["scores"]["AWA2"]["H"]
    error = np.std(np.subtract([72.0, 74.0, 76.0], list(score["by_seed"].values())), ddof=1) / 3**0.5
    assert score["detectable"] == pytest.approx(Outcome(0.5, error, 2).detectable(0.05))
    shown = f"{score['detectable']:.1f}"
    assert f"first step: {shown} to {shown} points" in one_line(called(results, "--metric", "H"))


def one_line(done):
    return " ".join(done.stdout.split())


def test_two_runs_of_one_seed_in_a_row_are_an_error_and_one_can_be_left_out(results, keep):
    keep("ce-gzsl", 1, 99.0)
    other = edit_cell(results / "ce-gzsl-AWA2-s1-99.0", lambda cell: cell["params"].popitem())
    done = called(results)
    assert done.exit_code == 2
    assert "ce-gzsl-AWA2-s1-72.0" in done.output and other in done.output and "--without" in done.output
    assert "74.0±2.0" in called(results, "--without", other).stdout


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
