from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import gzslbench.report.html.site as site_module
from gzslbench.cli import main
from gzslbench.errors import StoreError
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares, join_seeds
from gzslbench.report.html.site import MARK, check_output_folder
from gzslbench.runs.record import RunMetrics
from gzslbench.runs.store import Store


def report(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.acceptance  # it draws the figures twice
def test_the_same_runs_give_the_same_site_and_it_replaces_the_one_before(store, site, tmp_path, monkeypatch):
    out = tmp_path / "site"
    monkeypatch.setattr(site_module, "_PAGES_PER_PROCESS", 1)  # now with two processes
    monkeypatch.setattr(site_module, "cpu_count", lambda: 2)
    assert report(store.root, "--out", out).exit_code == 0
    assert files(out) == files(site)
    (out / "runs" / "gone.html").write_text("of a run that was removed")
    outcome = report(store.root, "--out", out, "--dataset", "synthetic", "--no-figures")
    assert outcome.exit_code == 0 and "3 runs: open" in outcome.output
    pages = {path.name for path in (out / "runs").iterdir()}
    assert len(pages) == 3 and all("synthetic" in name for name in pages)
    assert not any(b"<svg" in content for content in files(out).values())
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_that_holds_something_else_is_left_alone(store, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    outcome = report(store.root, "--out", tmp_path)
    assert outcome.exit_code == 2 and "contains other files" in outcome.output
    assert report(store.root, "--out", tmp_path / "thesis.tex").exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.tex"}


def test_where_a_page_fails_the_site_before_is_still_there(store, tmp_path, monkeypatch):
    out = tmp_path / "site"
    report(store.root, "--out", out, "--no-figures")
    before = files(out)

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gzslbench.report.html.site.runs_page", fails)
    outcome = report(store.root, "--out", out, "--no-figures")
    assert outcome.exit_code == 2 and "No space left on device" in outcome.output
    assert files(out) == before and [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        check_output_folder(tmp_path / "site")


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        check_output_folder(tmp_path / "file" / "site")


def test_without_runs_nothing_is_written(tmp_path):
    (tmp_path / "none").mkdir()
    outcome = report(tmp_path / "none", "--out", tmp_path / "site")
    assert outcome.exit_code == 2 and "no runs to report" in outcome.output
    assert not (tmp_path / "site").exists()


def test_a_damaged_record_is_named_on_the_page_and_on_the_terminal(store, tmp_path):
    damaged = tmp_path / "results" / "broken"
    damaged.mkdir(parents=True)
    (damaged / "record.json").write_text("{")
    outcome = report(store.root, damaged.parent, "--out", tmp_path / "site", "--no-figures")
    assert outcome.exit_code == 0 and "broken" in outcome.output
    text = (tmp_path / "site" / "index.html").read_text()
    assert "Left out" in text and "broken/record.json" in text
    assert (tmp_path / "site" / MARK).exists()


def test_without_matplotlib_the_pages_say_how_to_get_figures(store, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.report.figures.run_figures.find_spec", lambda name: None)
    outcome = report(store.root, "--out", tmp_path / "site", "--dataset", "synthetic")
    assert outcome.exit_code == 0
    assert "gzslbench[figures]" in (tmp_path / "site" / "index.html").read_text()
    asked = report(store.root, "--out", tmp_path / "other", "--figures")
    assert asked.exit_code == 2 and "gzslbench[figures]" in asked.output


@pytest.mark.acceptance  # it draws the figures
def test_a_method_that_is_not_installed_has_a_page_of_its_runs(store, site):
    pages = [path for path in (site / "methods").iterdir() if "not installed here" in path.read_text()]
    assert len(pages) == 1 and "run-b-bold-1~" in pages[0].read_text()


def test_pages_show_intervals_over_classes_and_what_a_test_would_find(store, tmp_path):
    stored = next(folder for folder in store.runs() if folder.id.startswith("ce-gzsl")).record()
    results, shares, runs = Store(tmp_path / "results"), [], []
    for precision, skill in (("fp32", 0.7), ("tf32", 0.5)):  # two rows of one table
        for seed in (1, 2, 3):
            random, labels = np.random.default_rng(seed), np.repeat(np.arange(16), 9)
            best = np.where(random.random(144) < skill, labels % 8, (labels + 1) % 8)
            gap = random.normal(size=144).astype(np.float32)
            found = Predictions(labels, best, best + 8, gap, best[72:] + 8, np.arange(16) < 8)
            metrics = RunMetrics(**metrics_of(found).as_dict(), epoch=2, head_epoch=3)
            cell = replace(stored.cell, precision=precision, seed=seed)
            task = replace(stored.task, class_names=[f"class {number}" for number in range(16)])
            folder = results.run(cell.id)
            folder.path.mkdir(parents=True)
            folder.write_record(replace(stored, id=cell.id, cell=cell, task=task, metrics={"last": metrics}))
            save_predictions(folder.predictions_file, found)
            shares.append(class_shares(found))
            runs.append(cell.id)
    out = tmp_path / "site"
    assert report(results.root, "--out", out, "--no-figures").exit_code == 0
    first = (out / "index.html").read_text()
    low, high = class_intervals(join_seeds(shares[:3]))["H"]
    row = re.search(r'95 % over classes</th>((?:\s*<td class="number">[^<]*</td>)+)', first)
    shown = re.findall(r">([^<]+)</td>", row[1])  # T1, U, S, H, AUSUC
    assert shown[3] == f"{low:.1f} to {high:.1f}"
    assert "p against the best" in first and "detectable difference" in first
    low, high = class_intervals(shares[0])["AUSUC"]
    page = (out / "runs" / f"{runs[0]}.html").read_text()
    assert f'<td class="number">{low:.1f} to {high:.1f}</td>' in page


def test_only_pages_of_changed_runs_are_made_again(store, tmp_path, monkeypatch):
    results, out = tmp_path / "results", tmp_path / "site"
    shutil.copytree(store.root, results)
    monkeypatch.setattr(site_module, "cpu_count", lambda: 1)  # what is patched counts in this process only
    made = []
    make = site_module.run_page
    monkeypatch.setattr(
        site_module, "run_page", lambda entry, *rest: made.append(entry.summary.id) or make(entry, *rest)
    )

    def rebuilt():
        made.clear()
        assert report(results, "--out", out, "--no-figures").exit_code == 0
        return set(made)

    every = {folder.id for folder in Store(results).runs()}
    assert rebuilt() == every
    before = files(out)
    assert rebuilt() == set() and files(out) == before
    changed, damaged, redone, *_ = sorted(run for run in every if run.startswith("ce-gzsl-digits"))
    record = Store(results).run(changed).record_file
    values = json.loads(record.read_text())
    values["run"]["seconds_train"] = 71.0
    record.write_text(json.dumps(values))
    (out / "runs" / f"{damaged}.html").write_text("half a page")
    save_predictions(Store(results).run(redone).predictions_file, made_predictions())
    assert rebuilt() == {changed, damaged, redone}
    assert rebuilt() == set()
    (out / MARK).write_text("the mark of an earlier version")
    assert rebuilt() == every


def made_predictions():
    labels = np.arange(4).repeat(2)
    gap = np.zeros(8, np.float32)
    return Predictions(labels, labels % 2, labels % 2 + 2, gap, labels[4:], np.arange(4) < 2)


def test_a_long_report_says_how_far_it_is(store, tmp_path):
    outcome = report(store.root, "--out", tmp_path / "site", "--no-figures")
    assert re.search(r"^1 of (\d+) pages\n(.+\n)*\1 of \1 pages, [\d.]+ a second, 0 s left", outcome.stderr)
