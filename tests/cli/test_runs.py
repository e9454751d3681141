from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.runs.store import Store


@pytest.fixture
def record(record, table):
    """The record that the predictions in ``folder`` bear out."""
    metrics = {**metrics_of(table).as_dict(), "epoch": 12, "head_epoch": 25}
    return replace(record, metrics={"last": metrics})


def called(*arguments, **more):
    return CliRunner().invoke(main, ["runs", *map(str, arguments)], **more)


def test_runs_are_listed_with_headline_and_what_is_not_the_presets(results, keep):
    keep("sae", 4, 12.0, dataset="CUB", weight=0.5)
    with Store(results).run("begun").lock():
        done = called("list", results)
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert len(rows) == 9
    assert "12.0" in rows["sae-CUB-s4-12.0"] and "weight=0.5" in rows["sae-CUB-s4-12.0"]
    assert "unfinished: begun" in done.stdout


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ((), 6), (("--method", "ce-gzsl"), 3), (("--status", "diverged"), 0),
        (("--dataset", "CUB"), 0), (("--method", "ce-gzsl", "--method", "f-clswgan"), 6),
    ],
)  # fmt: skip
def test_they_can_be_narrowed(results, options, count):
    lines = called("list", results, "--json", *options).stdout.splitlines()
    assert len([json.loads(line)["id"] for line in lines]) == count


def test_before_the_first_run_the_list_is_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert called("list", "--json").stdout == ""


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_folder_that_is_not_there_is_named(tmp_path, command):
    done = called(command, tmp_path / "resluts")
    assert done.exit_code == 2
    assert "there is no such folder of runs" in done.output and "resluts" in done.output


def test_an_archive_that_is_not_there_is_not_called_damaged(tmp_path):
    done = called("import", tmp_path / "none.zip", "--results", tmp_path / "there")
    assert done.exit_code == 2
    assert "No such file" in done.output and "check the folder and the name" in done.output
    assert "not an archive" not in done.output


def test_runs_travel_and_are_checked_on_arrival(folder, tmp_path):
    root, archive = folder.path.parent, tmp_path / "runs.zip"
    assert "wrote 1 runs" in called("export", "--results", root, "--out", archive).stdout
    done = called("import", archive, "--results", tmp_path / "there")
    assert (done.exit_code, done.stdout) == (0, "1 stored, 0 stored already, 0 refused\n")
    assert called("verify", tmp_path / "there").exit_code == 0


def test_an_edited_number_is_found_and_refused(folder, tmp_path):
    content = json.loads(folder.record_file.read_text())
    content["metrics"]["last"]["AUSUC"] = 99.0
    folder.record_file.write_text(json.dumps(content))
    found = called("verify", folder.path.parent)
    assert found.exit_code == 1
    assert "AUSUC is 99.0000, and its predictions give 41.6667" in found.stdout
    assert "1 runs checked, 1 inconsistent" in found.stdout
    refused = called("import", folder.path.parent, "--results", tmp_path / "there")
    assert refused.exit_code == 1 and f"refused {folder.id}" in refused.stdout


def test_a_run_is_compared_with_its_data_on_request(folder, tmp_path):
    done = called("verify", folder.path.parent, "--data", tmp_path)
    assert done.exit_code == 0 and "1 runs checked, 0 inconsistent" in done.stdout
    assert "1 runs not compared with the data: the files of CUB are missing" in done.stderr
    assert "not compared" not in called("verify", folder.path.parent).output


def test_what_cannot_be_exported_says_why(tmp_path, results):
    empty = called("export", "--results", tmp_path / "none", "--out", tmp_path / "a.zip")
    assert empty.exit_code == 2 and "there are no runs" in empty.output
    with Store(results).run("begun").lock():
        pass
    begun = called("export", "begun", "--results", results, "--out", tmp_path / "a.zip")
    assert begun.exit_code == 2 and "has no record: it was interrupted" in begun.output
    assert not (tmp_path / "a.zip").exists()


def test_removal_needs_a_confirmation(results):
    run = "ce-gzsl-AWA2-s1-72.0"
    kept = called("remove", run, "--results", results, input="n\n")
    assert kept.exit_code == 1 and (results / run).is_dir()
    gone = called("remove", run, "--results", results, input="y\n")
    assert gone.exit_code == 0 and not (results / run).exists()
    assert called("remove", "ce-gzsl", "--results", results, "--yes").exit_code == 2  # several begin so
    assert len(Store(results).runs()) == 5


def test_a_run_that_is_running_is_not_removed(results):
    folder = Store(results).run("ce-gzsl-AWA2-s1-72.0")
    with folder.lock():
        done = called("remove", folder.id, "--results", results, "--yes")
    assert done.exit_code == 2 and "is running already" in done.output
    assert folder.has_ended()


def test_the_list_names_preprocessing_precision_and_data_that_are_not_as_usual(store, record, invoke):
    cell = replace(record.cell, preprocessing="l2", precision="bf16", params={})
    task = replace(record.task, split_fingerprint="0" * 64)
    other = replace(record, id=cell.id, cell=cell, task=task)
    with store.run(other.id).lock():
        store.run(other.id).write_record(other)
    line = next(line for line in invoke("runs", "list").stdout.splitlines() if line.startswith(other.id))
    assert line.endswith("(another split) precision=bf16 preprocessing=l2")
