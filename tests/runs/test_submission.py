"""A submission travels as a folder, and the importer computes again what it can."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.errors import StoreError
from gzslbench.evaluation.predictions import fingerprint, load_predictions, save_predictions
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.report.leaderboard.entry import read_entries
from gzslbench.runs.bundle import import_runs, write_submission
from gzslbench.runs.external import evaluate
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store


@pytest.fixture(scope="module")
def task():
    return load_dataset("synthetic")


@pytest.fixture
def stored(task, tmp_path):
    truth = task.labels[RowMatcher(task).rows]
    scores = np.random.default_rng(0).normal(size=(len(truth), 30)) + 2 * np.eye(30)[truth]
    about = {"selection": "last epoch", "url": "https://example.org/net"}
    return evaluate(task, scores, name="My net", results=tmp_path / "ours", **about)


@pytest.fixture
def submission(stored, folder, tmp_path):
    """A folder with an external result and a run."""
    write_submission(tmp_path / "sent", [stored.folder, folder])
    return tmp_path / "sent"


@pytest.fixture
def other(tmp_path):
    return Store(tmp_path / "theirs")


def change(submission, stored, **changes):
    path = submission / stored.record.id / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_submission_has_the_numbers_for_people_and_the_files_for_programs(submission, stored, folder):
    assert {path.name for path in submission.iterdir()} == {
        "README.md", "environment.json", stored.record.id, folder.id,
    }  # fmt: skip
    text = (submission / "README.md").read_text()
    numbers = stored.record.metrics["external"]
    cells = " | ".join(f"{getattr(numbers, name):.2f}" for name in ("U", "S", "H", "T1", "AUSUC"))
    assert f"| {stored.record.id} | synthetic | external | {cells} |" in text
    assert "selection 'last epoch', pretraining 'unknown'. https://example.org/net." in text
    environment = json.loads((submission / "environment.json").read_text())
    assert environment[stored.record.id]["numpy"] == np.__version__


def test_a_submission_is_imported_and_compared_with_the_data(submission, stored, folder, other):
    received = import_runs(submission, other)
    assert sorted(received.taken) == sorted([stored.record.id, folder.id])
    assert other.run(stored.record.id).record() == stored.record
    assert list(received.unchecked) == [folder.id]  # its dataset is not here
    again = import_runs(submission, other)
    assert (again.taken, sorted(again.there)) == ([], sorted(received.taken))


def test_a_folder_around_the_submission_is_no_obstacle(submission, other, tmp_path):
    shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "sent")
    assert len(import_runs(tmp_path / "sent.zip", other).taken) == 2


def test_nothing_is_replaced(submission, folder):
    with pytest.raises(StoreError, match="it exists already"):
        write_submission(submission, [folder])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("schema", 99, "the record has schema 99, this gzslbench reads up to 2"),
        ("protocol", 99, "it is of protocol 99, and this gzslbench knows protocols 1 to"),
        ("protocol", 0, "it is of protocol 0, and this gzslbench knows protocols 1 to"),
    ],
)
def test_a_foreign_schema_or_protocol_is_refused_and_the_store_stays_usable(
    submission, stored, folder, other, field, value, words
):
    cell = {**stored.record.cell.as_dict(), "protocol": value}
    change(submission, stored, **({"schema": value} if field == "schema" else {"cell": cell}))
    received = import_runs(submission, other)
    assert received.taken == [folder.id]
    assert words in received.refused[stored.record.id][0]
    assert [entry.summary.id for entry in read_entries([other.root])] == [folder.id]


def test_predictions_with_flattering_true_classes_are_refused(submission, stored, other):
    """A forger who writes record, id and predictions in agreement is found by the data."""
    path = submission / stored.record.id
    found = load_predictions(path / "predictions.npz")
    best = np.where(found.seen[found.labels], found.best_seen, found.best_unseen)
    forged = replace(
        found, labels=best, gap=np.where(found.seen[best], 1.0, -1.0), zsl=best[~found.seen[best]]
    )
    external = replace(stored.record.cell.external, predictions=fingerprint(forged))
    cell = replace(stored.record.cell, external=external)
    numbers = dict.fromkeys(("U", "S", "H", "T1", "AUSUC"), 100.0) | {
        "unseen_to_seen": 0.0,
        "seen_to_unseen": 0.0,
    }
    perfect = replace(stored.record.metrics["external"], **numbers)
    record = replace(stored.record, id=cell.id, cell=cell, metrics={"external": perfect})
    path.rename(submission / record.id)
    save_predictions(submission / record.id / "predictions.npz", forged)
    (submission / record.id / "record.json").write_text(record.to_json())
    received = import_runs(submission, other)
    assert received.refused == {record.id: ["its true classes are not those of the data"]}
    assert Record.from_json(record.to_json()).metrics["external"].H == 100


def test_predictions_without_unseen_rows_are_refused_and_the_rest_is_imported(
    submission, stored, folder, other
):
    path = submission / stored.record.id / "predictions.npz"
    found = load_predictions(path)
    rows = found.seen[found.labels]
    parts = {name: getattr(found, name)[rows] for name in ("labels", "best_seen", "best_unseen", "gap")}
    save_predictions(path, replace(found, **parts, zsl=found.zsl[:0]))
    received = import_runs(submission, other)
    assert received.taken == [folder.id]
    assert "no class to average over has a test row" in received.refused[stored.record.id][0]


def test_the_task_of_a_record_is_that_of_its_settings(submission, stored, other):
    change(submission, stored, task={**stored.record.as_dict()["task"], "id": "CUB/res101/att/ps-1-2"})
    (why,) = import_runs(submission, other).refused[stored.record.id]
    assert why.startswith("its task is CUB/res101/att/ps-1-2, and that of its settings synthetic/")
