"""Scores and labels of other programs: they are checked, evaluated, and stored as external results."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.data.dataset import Dataset, Split, content_fingerprint
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError, GzslBenchError, ParamError, StoreError
from gzslbench.evaluation.external import metrics
from gzslbench.evaluation.metrics import ChanceWarning
from gzslbench.evaluation.predictions import load_predictions, save_predictions
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.evaluation.score_files import read_given, write_templates
from gzslbench.runs.external import TruthCheck, evaluate
from gzslbench.runs.load_trained import open_trained
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store, read_summaries
from gzslbench.runs.verify import find_problems


def make_task() -> Dataset:
    """Eight classes in no order of seen and unseen; the last has no rows. Two folders use one file name."""
    labels = np.arange(42) % 7
    names = tuple(f"kind {letter}" for letter in "abcdefgh")
    unseen = np.isin(labels, [1, 4, 5])
    held = ~unseen & (np.arange(42) >= 28)
    features, semantics = np.zeros((42, 2), np.float32), np.eye(8, 3, dtype=np.float32)
    return Dataset(
        name="tiny",
        features_name="f",
        semantics_name="s",
        features=features,
        labels=labels,
        semantics=semantics,
        class_names=names,
        split=Split("fixed", *(np.flatnonzero(part) for part in (~unseen & ~held, held, unseen))),
        content=content_fingerprint(features, labels, semantics),
        image_files=tuple(f"/there/{'x' if row < 40 else 'y'}/{row % 40:02d}.jpg" for row in range(42)),
    )


TASK = make_task()
TEST = RowMatcher(TASK)
TRUTH = TASK.labels[TEST.rows]
SCORES = np.random.default_rng(1).normal(size=(len(TRUTH), 8)) + 2 * np.eye(8)[TRUTH]
SCORES[:, 7] += 10  # of the class without rows, which is no candidate
CANDIDATES = np.isin(np.arange(8), TEST.classes)
PREDICTED = np.where(CANDIDATES, SCORES, -np.inf).argmax(1)
IMAGES = [TASK.image_files[row] for row in TEST.rows]


@pytest.fixture(scope="session")
def expected(plain_metrics):
    seen = np.isin(np.arange(8), TASK.seen_classes)
    return plain_metrics(SCORES[:, :7], TRUTH, seen[:7])


def write_csv(path: Path, header, keys, values) -> Path:
    lines = [header, *([key, *row] for key, row in zip(keys, values, strict=True))]
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    return path


def write_all(folder: Path) -> dict[str, Path]:
    """Right files of every kind, of the same scores."""
    order = np.random.default_rng(2).permutation(len(TRUTH))
    columns = [3, 1, 0, 2, 6, 5, 4]
    files = {kind: folder / f"scores.{kind}" for kind in ("npy", "npz", "pt")}
    np.save(files["npy"], SCORES)
    np.savez(files["npz"], scores=SCORES[order][:, columns], rows=TEST.rows[order], classes=columns)
    torch.save(torch.from_numpy(SCORES), files["pt"])
    files["named pt"] = folder / "named.pt"
    torch.save(
        {"scores": torch.from_numpy(SCORES), "images": IMAGES, "truth": TRUTH.tolist()}, files["named pt"]
    )
    files["old pt"] = folder / "old.pth"
    torch.save(torch.from_numpy(SCORES), files["old pt"], _use_new_zipfile_serialization=False)
    names = [TASK.class_names[c] for c in columns]
    short = [image.removeprefix("/there/") for image in IMAGES]
    rows = SCORES[order][:, columns].tolist()
    files["csv"] = write_csv(folder / "scores.csv", ["image", *names], [short[i] for i in order], rows)
    return files


@pytest.mark.parametrize("kind", ["npy", "npz", "pt", "named pt", "old pt", "csv"])
def test_scores_of_each_format_give_the_metrics_of_plain_numpy(kind, expected, tmp_path):
    result = evaluate(TASK, write_all(tmp_path)[kind], name="My net", results=tmp_path / "results")
    stored = result.record.metrics["external"]
    for name, value in expected.items():
        assert getattr(stored, name) == pytest.approx(value, abs=1e-10), name
    assert find_problems(result.folder) == []


def test_labels_of_each_format_give_u_s_and_h(expected, tmp_path):
    names = np.array(TASK.class_names)[PREDICTED]
    np.save(tmp_path / "labels.npy", PREDICTED)
    np.savez(tmp_path / "labels.npz", predicted=names, images=np.array(IMAGES))
    sources = [
        PREDICTED,
        torch.from_numpy(PREDICTED),
        PREDICTED.tolist(),
        tmp_path / "labels.npy",
        tmp_path / "labels.npz",
        write_csv(tmp_path / "names.csv", ["row", "class"], TEST.rows, names[:, None]),
        write_csv(tmp_path / "ids.csv", ["image", "class"], IMAGES, PREDICTED[:, None]),
    ]
    for source in sources:
        found = metrics_of(source)
        assert (found.U, found.S, found.H) == pytest.approx([expected[name] for name in "USH"], abs=1e-10)
        assert found.AUSUC is None


def metrics_of(source):
    predictions = read_given(source, TASK)
    return metrics(predictions.predicted, predictions.labels, predictions.seen)


@given(st.permutations(range(len(IMAGES))))
def test_the_order_of_image_names_changes_nothing(order):
    usual = read_given({"scores": SCORES, "images": IMAGES}, TASK)
    other = read_given({"scores": SCORES[order], "images": [IMAGES[i] for i in order]}, TASK)
    for name, array in vars(usual).items():
        assert np.array_equal(array, getattr(other, name)), name


@given(st.permutations(range(7)))
def test_the_order_of_named_classes_changes_nothing(order):
    names = [TASK.class_names[c] for c in order]
    usual = read_given(SCORES, TASK)
    other = read_given({"scores": SCORES[:, order], "classes": names}, TASK)
    for name, array in vars(usual).items():
        assert np.array_equal(array, getattr(other, name)), name


def with_cell(row, column, value):
    changed = SCORES.copy()
    changed[row, column] = value
    return changed


ROWS = TEST.rows.tolist()
BROKEN = {
    "there are 27 rows, and 26 test rows": np.vstack([SCORES, SCORES[:1]]),
    "there are 3 rows, and 26 test rows: 8 of test_seen, 18 of": SCORES[:3],
    "shape \\(26, 6\\), not \\(26, 8\\)": SCORES[:, :6],
    "there are 8 rows, .*; the shape is \\(8, 26\\)": SCORES.T,
    "entry 5 .* class 2 .* is nan": with_cell(5, 2, np.nan),
    "entry 0 .* class 0 .* is inf": with_cell(0, 0, np.inf),
    "type <U32|type object|type <U": SCORES.astype(str),
    "type complex128": SCORES.astype(complex),
    "has no row 42": {"scores": SCORES, "rows": [*ROWS[1:], 42]},
    "row 0 is a training row": {"scores": SCORES, "rows": [*ROWS[1:], 0]},
    "is there twice: entries 0 and 25": {"scores": SCORES, "rows": [*ROWS[:-1], ROWS[0]]},
    "1 of 26 test rows are missing; the first is row": {"scores": SCORES[1:], "rows": ROWS[1:]},
    "1 of 26 test rows are missing; the first is image": {"predicted": PREDICTED[1:], "images": IMAGES[1:]},
    "there are 25 rows for 26 rows": {"scores": SCORES, "rows": ROWS[1:]},
    "no image 'y/77.jpg'": {"scores": SCORES, "images": ["y/77.jpg", *IMAGES[1:]]},
    "2 rows for the image '01.jpg'": {"scores": SCORES, "images": ["01.jpg", *IMAGES[1:]]},
    "no class 'kind z'": {"scores": SCORES, "classes": [*TASK.class_names[:7], "kind z"]},
    "class 'kind a' is there twice": {"scores": SCORES[:, :2], "classes": ["kind a", "kind a"]},
    "1 of 7 classes have no scores; the first is 'kind a'": {"scores": SCORES[:, 1:], "classes": range(1, 8)},
    "no class '8'": np.where(np.arange(26) == 3, 8, PREDICTED),
    "class 7 has neither training nor test rows": np.where(np.arange(26) == 3, 7, PREDICTED),
    "shape \\(26, 1\\)": {"predicted": PREDICTED[:, None]},
    "type float64": PREDICTED.astype(float),
    "holds scores, weights": {"scores": SCORES, "weights": SCORES},
    "holds nothing": {},
    "holds scores, predicted": {"scores": SCORES, "predicted": PREDICTED},
    "have another true class .* row 28 is 'kind a'": {"scores": SCORES, "truth": np.roll(TRUTH, 1)},
    "there are 3 true classes": {"scores": SCORES, "truth": TRUTH[:3]},
    "no array": [[1.0, 2.0], [1.0]],
}  # fmt: skip


@pytest.mark.parametrize("message", BROKEN)
def test_what_does_not_fit_is_a_clear_error_and_stores_nothing(message, tmp_path):
    results = tmp_path / "results"
    with pytest.raises(DataError, match=message):
        evaluate(TASK, BROKEN[message], name="My net", results=results)
    assert not results.exists()


def damage(folder: Path, kind: str) -> Path:
    """Write a file that cannot be read as scores."""
    files = write_all(folder)
    path = folder / f"damaged-{kind.replace(' ', '-')}"
    if kind.startswith("half"):
        whole = files[kind.split()[1]]
        path = path.with_suffix(whole.suffix)
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    elif kind.startswith("pickle"):
        path = path.with_suffix(f".{kind.split()[1]}")
        if path.suffix == ".pt":
            torch.save(Path, path)
        elif path.suffix == ".npy":
            np.save(path, np.array([{}], dtype=object), allow_pickle=True)
        else:
            np.savez(path, scores=np.array([{}], dtype=object))
    elif kind == "text pt":
        path = path.with_suffix(".pt")
        path.write_text("hello" * 20)
    elif kind == "bomb":
        path = path.with_suffix(".npz")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("scores.npy", bytes(2**26))
    else:
        text = files["csv"].read_text().splitlines()
        head, first = text[0], text[1]
        path = path.with_suffix(".tsv" if kind == "ending" else ".csv")
        path.write_bytes(
            {
                "empty": b"",
                "header": "\n".join(["name," + head.split(",", 1)[1], *text[1:]]).encode(),
                "words": "\n".join([head, first.rsplit(",", 1)[0] + ",much", *text[2:]]).encode(),
                "fields": "\n".join([head, first + ",1", *text[2:]]).encode(),
                "nan": "\n".join([head, first.rsplit(",", 1)[0] + ",nan", *text[2:]]).encode(),
                "no rows": head.encode(),
                "another column": b"row,klass\n5,1\n",
                "encoding": b"image,class\n\xff\xfe,a\n",
                "ending": b"image",
            }[kind]
        )
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("half npy", "cannot be read"),
        ("half npz", "cannot be read"),
        ("half pt", "cannot be read"),
        ("pickle npy", "Python objects, which could run a program"),
        ("pickle npz", "Python objects, which could run a program"),
        ("pickle pt", "Python objects, which could run a program"),
        ("bomb", "it unpacks to 64.0 MiB, more than 16.1 MiB"),
        ("empty", "it is empty"),
        ("header", "the header is 'name,kind d"),
        ("words", "the score 'much' is not a number"),
        ("text pt", "cannot be read: it is damaged, or another kind of file"),
        ("another column", "the header is 'row,klass'"),
        ("fields", "the line has 9 fields, and the header 8"),
        ("nan", "is nan"),
        ("no rows", "there are no rows"),
        ("encoding", "cannot be read: 'utf-8' codec"),
        ("ending", "files ending in '.tsv' are not read"),
        ("missing", "No such file"),
    ],
)
def test_a_damaged_file_is_a_clear_error_that_names_it(kind, message, tmp_path):
    path = tmp_path / "missing.npy" if kind == "missing" else damage(tmp_path, kind)
    with pytest.raises(DataError, match=message) as caught:
        evaluate(TASK, path, name="My net", results=tmp_path / "results")
    assert str(caught.value.where).startswith(str(path))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": " "}, "name is empty"),
        ({"name": "a\nb"}, "name is not one line"),
        ({"selection": "x" * 501}, "selection has more than 500"),
        ({"selection": "stated"}, "'stated' is not a way of choosing"),
        ({"url": "javascript:alert(1)"}, "url is not a web address"),
        ({"setting": "deductive"}, "no setting 'deductive'"),
        ({"seed": -1}, "the seed is -1"),
    ],
)
def test_a_statement_that_is_not_allowed_stores_nothing(changes, message, tmp_path):
    with pytest.raises(ParamError, match=message):
        evaluate(TASK, SCORES, **{"name": "My net", "results": tmp_path / "results", **changes})
    assert not (tmp_path / "results").exists()


def test_rows_in_another_order_are_a_warning(tmp_path):
    with pytest.warns(ChanceWarning, match=r"^S is 25\.0 %, near chance: check the order of rows"):
        evaluate(TASK, np.roll(SCORES, 7, axis=1), name="My net", results=tmp_path)


@pytest.fixture
def stored(tmp_path):
    statements = {"paper": "Doe 2024", "url": "https://example.org", "pretraining": "imagenet-1k"}
    return evaluate(
        TASK, SCORES, name="My Net!", selection="last epoch", seed=3, results=tmp_path, **statements
    )


def test_the_record_says_what_its_author_states_and_where_it_comes_from(stored):
    record = stored.record
    assert record.id.startswith("external-my-net-tiny-s3-")
    assert (record.selection, record.reported, record.schema) == ("external", "external", 2)
    assert record.cell.external.selection == "last epoch"
    assert record.task.pretraining == "imagenet-1k"
    assert record.parameters is record.validation is None
    assert Record.from_json(record.to_json()) == record
    assert stored._repr_html_() == stored.metrics._repr_html_()
    assert repr(stored) == f"{record.id}: {stored.metrics!r}"


def test_the_same_result_is_stored_once_and_another_statement_is_another_result(stored, tmp_path):
    again = evaluate(TASK, SCORES, name="My Net!", selection="last epoch", seed=3, results=tmp_path,
                     paper="Doe 2024", url="https://example.org", pretraining="imagenet-1k")  # fmt: skip
    assert again.record == stored.record
    evaluate(TASK, SCORES, name="My Net!", results=tmp_path)
    assert len(read_summaries(Store(tmp_path))) == 2


def test_verify_finds_edited_predictions_numbers_and_statements(stored):
    assert find_problems(stored.folder) == []
    content = json.loads(stored.folder.record_file.read_text())

    def problems(**changes):
        stored.folder.record_file.write_text(json.dumps({**content, **changes}))
        return find_problems(stored.folder)

    assert "its settings are those of run" in problems(
        cell={**content["cell"], "external": {**content["cell"]["external"], "selection": "validation"}}
    )[0]  # fmt: skip
    assert "setting is not that" in problems(setting="transductive")[0]
    assert "schema is below 2" in problems(schema=1)[0]
    better = {"external": {**content["metrics"]["external"], "AUSUC": None}}
    assert "AUSUC is not known, and its predictions give" in problems(metrics=better)[0]
    assert problems(metrics={"last": content["metrics"]["external"]}) != []
    problems()
    predictions = load_predictions(stored.folder.predictions_file)
    save_predictions(stored.folder.predictions_file, replace(predictions, gap=predictions.gap * 2))
    assert find_problems(stored.folder) == ["its predictions are not those that were evaluated"]


def test_an_external_result_has_no_model_to_load(stored):
    with pytest.raises(StoreError, match="is an external result: it has no trained model"):
        open_trained(stored.record, stored.folder)


def test_true_classes_are_compared_with_the_data(stored, monkeypatch):
    def loaded(task):
        monkeypatch.setattr("gzslbench.runs.external.load_dataset", lambda *_: task)
        return TruthCheck().find_problem(stored.record, stored.folder)

    assert loaded(TASK) is None
    predictions = load_predictions(stored.folder.predictions_file)
    save_predictions(
        stored.folder.predictions_file, replace(predictions, labels=np.roll(predictions.labels, 1))
    )
    with pytest.raises(GzslBenchError, match="the rows are not those of test_seen"):
        loaded(TASK)
    flattering = np.where(
        predictions.seen[predictions.labels], predictions.best_seen, predictions.best_unseen
    )
    save_predictions(stored.folder.predictions_file, replace(predictions, labels=flattering))
    assert loaded(TASK) == "its true classes are not those of the data"
    with pytest.raises(DataError, match="the data here are of the task tiny/g/s"):
        loaded(replace(TASK, features_name="g"))


def test_templates_are_complete_and_never_replace_a_file(tmp_path):
    labels, scores = write_templates(tmp_path / "tiny.csv", TASK)
    assert (labels.name, scores.name) == ("tiny.csv", "tiny-scores.csv")
    for path in (labels, scores):
        assert set(read_given(path, TASK).predicted.tolist()) == {0}
    assert labels.read_text().splitlines()[1] == "28.jpg,kind a"
    with pytest.raises(DataError, match="the file exists already"):
        write_templates(labels, TASK)
    assert (
        write_templates(tmp_path / "rows.csv", replace(TASK, image_files=()))[0].read_text()[:9]
        == "row,class"
    )


@pytest.mark.acceptance
@pytest.mark.parametrize(("name", "features"), [("FLO", "efficientnet_lite0"), ("CUB", "resnet1000")])
def test_scores_and_labels_of_real_datasets_give_the_metrics_of_plain_numpy(
    real_data, plain_metrics, name, features, tmp_path
):
    task = load_dataset(name, features, root=real_data)
    rows = np.concatenate([task.split.test_seen, task.split.test_unseen])
    classes, truth = len(task.class_names), task.labels[rows]
    random = np.random.default_rng(5)
    scores = random.normal(size=(len(rows), classes)) + 2.5 * np.eye(classes)[truth]
    seen = np.isin(np.arange(classes), task.labels[task.split.trainval])
    expected = plain_metrics(scores, truth, seen)
    order = random.permutation(len(rows))
    np.save(tmp_path / "scores.npy", scores)
    named = {
        "scores": scores[order],
        "images": np.array(task.image_files)[rows[order]],
        "truth": truth[order],
    }
    np.savez(tmp_path / "named.npz", **named)
    for file in ("scores.npy", "named.npz"):
        found = evaluate(task, tmp_path / file, name="Random", results=tmp_path / "results").record
        for metric, value in expected.items():
            assert getattr(found.metrics["external"], metric) == pytest.approx(value, abs=1e-10), metric
    assert len(read_summaries(Store(tmp_path / "results"))) == 1
    labels = evaluate(task, scores.argmax(1), name="Labels", results=tmp_path / "results").metrics
    assert (labels.U, labels.S, labels.H) == pytest.approx([expected[one] for one in "USH"], abs=1e-10)
    broken = {
        "test rows": scores[:-1],
        "not \\(": scores[:, :-1],
        "is nan": np.where(scores == scores.max(), np.nan, scores),
        "is a training row": {"scores": scores, "rows": [*rows[:-1], task.split.trainval[0]]},
        "is there twice": {"scores": scores, "rows": [*rows[:-1], rows[0]]},
        "are missing": {"scores": scores[1:], "rows": rows[1:]},
        "another true class": {"scores": scores, "truth": np.roll(truth, 1)},
        "has no class": {"predicted": truth + 1},
        "has no image": {"predicted": truth, "images": [f"image {row}" for row in rows]},
        "type float": truth.astype(float),
        "have no scores": {"scores": scores[:, 1:], "classes": task.class_names[1:]},
    }
    for message, source in broken.items():
        with pytest.raises(DataError, match=message):
            evaluate(task, source, name="Broken", results=tmp_path / "other")
    assert not (tmp_path / "other").exists()
