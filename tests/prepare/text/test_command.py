"""``gzslbench data semantics`` with an encoder that needs no model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.data.load import load_dataset


def test_a_run_uses_semantics_from_names(folder, semantics, letters, call, tmp_path):
    outcome = semantics("ZOO", "tiny", "--data", tmp_path / "elsewhere")
    assert outcome.exit_code == 2 and "no dataset 'ZOO'" in outcome.output
    outcome = semantics("ZOO", "tiny", "--data", folder.parent)
    assert outcome.exit_code == 0, outcome.output
    assert f"wrote {folder / 'tiny_splits.mat'}: semantics of 5 classes" in outcome.output
    assert letters.encoded == ["Red Fox", "Barn Owl", "blue whale", "honey bee", "great grey owl"]
    expected = letters.encode(["honey bee"])[0]
    found = load_dataset(folder, semantics="tiny").semantics[3]
    assert np.allclose(found, expected / np.linalg.norm(expected), atol=1e-6)
    ran = call(
        "run", "--method", "eszsl", "--dataset", folder, "--semantics", "tiny",
        "--results", tmp_path / "runs", "--json",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    record = json.loads(ran.output.splitlines()[-1])
    assert "/tiny/ps-" in record["task"]["id"] and record["metrics"]["last"]["S"] > 50
    assert record["task"]["provenance"]["encoder"] == "letters"


def test_a_dry_run_prints_the_texts_and_writes_nothing(folder, semantics, letters):
    outcome = semantics(folder, "tiny", "--dry-run", "--template", "a {}.", "--template", "two {}s")
    assert outcome.exit_code == 0
    assert outcome.output.splitlines()[:3] == [
        "001.Red_Fox\ta Red Fox.",
        "001.Red_Fox\ttwo Red Foxs",
        "002.Barn_Owl\ta Barn Owl.",
    ]
    told = json.loads(semantics(folder, "tiny", "--dry-run", "--json").output)
    assert told["blue+whale"] == ["blue whale"] and len(told) == 5
    assert letters.encoded == [] and not (folder / "tiny_splits.mat").exists()


def test_show_prints_the_provenance(folder, semantics, call, tmp_path):
    told = tmp_path / "told.json"
    told.write_text(json.dumps({name: [name, f"{name}!"] for name in load_dataset(folder).class_names}))
    outcome = semantics(folder, "tiny", "--descriptions", told, "--template", "a {}.", "--json")
    built = json.loads(outcome.output)
    assert built["files"] == [str(folder / "tiny_splits.mat")]
    shown = json.loads(call("data", "show", folder, "--semantics", "tiny", "--json").output)["provenance"]
    assert shown == built["provenance"]
    assert (
        shown["templates"] == ["a {}."]
        and shown["texts"] == 10
        and len(shown["texts_sha256"]) == 64
        and shown["texts_cut"] == 0
    )
    assert shown["descriptions"]["file"] == "told.json" and len(shown["descriptions"]["sha256"]) == 64
    assert shown["split_of"]["file"] == "att_splits.mat" and shown["date"].startswith("20")
    printed = call("data", "show", folder, "--semantics", "tiny").output
    assert "encoder letters" in printed and "templates a {}." in printed
    assert "provenance" in call("data", "show", folder).output


def test_the_same_texts_give_the_same_task_whenever_they_are_encoded(folder, semantics):
    semantics(folder, "tiny")
    first = load_dataset(folder, semantics="tiny")
    semantics(folder, "tiny", "--overwrite")
    assert load_dataset(folder, semantics="tiny").task_id == first.task_id


def test_the_split_is_that_of_split_of(folder, semantics):
    splits = {k: v for k, v in loadmat(folder / "att_splits.mat").items() if not k.startswith("__")}
    other = {**splits, "trainval_loc": splits["test_seen_loc"], "test_seen_loc": splits["trainval_loc"]}
    savemat(folder / "other_splits.mat", other)
    assert semantics(folder, "tiny", "--split-of", "other").exit_code == 0
    found = load_dataset(folder, semantics="tiny")
    assert found.split.counts == load_dataset(folder, semantics="other").split.counts
    assert found.split.counts != load_dataset(folder).split.counts
    outcome = semantics(folder, "more", "--split-of", "atr")
    assert outcome.exit_code == 2 and "did you mean 'att'" in outcome.output


def test_the_only_semantics_give_the_split(folder, semantics):
    (folder / "att_splits.mat").rename(folder / "sent_splits.mat")
    assert semantics(folder, "tiny").exit_code == 0
    (folder / "sent_splits.mat").unlink()
    (folder / "tiny_splits.mat").unlink()
    outcome = semantics(folder, "tiny")
    assert outcome.exit_code == 2 and "no semantics whose split could be used" in outcome.output


def test_truncated_texts_are_reported(folder, semantics, letters):
    letters.longest = len("Barn Owl")
    outcome = semantics(folder, "tiny")
    assert "3 of 5 texts are longer than the model reads" in outcome.stderr
    assert load_dataset(folder, semantics="tiny").provenance["texts_cut"] == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--template", "a photo"), "not have exactly one {}"),
        (("--name", "a/b"), "semantics cannot be called"),
        (("--name", "original_att"), "semantics cannot be called"),
        (("--name", "att-shuffled1"), "semantics cannot be called"),
        (("--name", ""), "semantics cannot be called"),
        (("--name", "att", "--overwrite"), "this command did not write"),
        (("--descriptions", "none.json"), "none.json"),
        (("--device", "cuda:99"), "cuda"),
    ],
)
def test_a_wrong_argument_is_an_error_and_nothing_is_written(
    folder, semantics, letters, arguments, complaint
):
    before = sorted(folder.iterdir())
    outcome = semantics(folder, "tiny", *arguments)
    assert outcome.exit_code == 2 and complaint in outcome.stderr and "Traceback" not in outcome.output
    assert sorted(folder.iterdir()) == before and letters.encoded == []


def test_classes_without_names_want_descriptions_by_number(tmp_path, folder, semantics, letters):
    splits = {k: v for k, v in loadmat(folder / "att_splits.mat").items() if not k.startswith("__")}
    del splits["allclasses_names"]
    savemat(folder / "att_splits.mat", splits)
    outcome = semantics(folder, "tiny")
    assert outcome.exit_code == 2 and "--descriptions FILE, by number" in outcome.stderr
    told = tmp_path / "told.csv"
    told.write_text("class,text\n5,e\n1,a\n2,b\n3,c\n4,d\n")
    assert semantics(folder, "tiny", "--descriptions", told).exit_code == 0
    assert letters.encoded == ["a", "b", "c", "d", "e"]


def test_a_dataset_without_files_is_refused(semantics):
    outcome = semantics("digits", "tiny")
    assert outcome.exit_code == 2 and "is not in files" in outcome.stderr
