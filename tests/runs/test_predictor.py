"""A predictor answers as the run's own final evaluation did, and knows classes that were added later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError, ParamError, StoreError
from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.predictor import AddedClasses, open_predictor
from gzslbench.runs.store import Store

GAN = ("batch_size=512", "critic_iter=1", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=1")
GAN += ("head_epochs=2", "pretrain_epochs=2")


def run(root, method, **request):
    plan = make_plan(Request(method, "digits", device="cpu", **request))
    return run_cell(plan, plan.cells[0], Store(root), Options())


@pytest.fixture(scope="module")
def eszsl(tmp_path_factory):
    return run(tmp_path_factory.mktemp("eszsl"), "eszsl", calibrate="val")


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_rows(dataset):
    return dataset.features[np.concatenate([dataset.split.test_seen, dataset.split.test_unseen])]


test_rows.__test__ = False


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("eszsl", {"calibrate": "val"}),
        ("dem", {"epochs": 2}),
        ("f-clswgan", {"settings": GAN, "epochs": 2}),
        ("f-clswgan", {"settings": GAN, "epochs": 2, "select": "val", "calibrate": "val"}),
        ("f-clswgan", {"settings": GAN, "epochs": 2, "head": "zlap", "head_settings": ("epochs=2",)}),
        ("f-clswgan", {"settings": GAN, "epochs": 2, "eval_repeats": 2}),
        ("cada-vae", {"settings": ("head_epochs=2",), "epochs": 2}),
    ],
)
def test_test_rows_get_the_classes_that_the_run_stored(tmp_path, digits, method, request_):
    record, folder = run(tmp_path, method, **request_)
    predictor = open_predictor(record, folder)
    scores = predictor.scores(test_rows(digits))
    stored = calibrate(load_predictions(folder.predictions_file), record.headline.gamma)
    seen = predictor.seen
    assert [digits.class_names[k] for k in np.union1d(digits.seen_classes, digits.unseen_classes)] == list(
        predictor.classes
    )
    assert np.array_equal(np.where(seen, scores, -np.inf).argmax(1), stored.best_seen)
    assert np.array_equal(np.where(seen, -np.inf, scores).argmax(1), stored.best_unseen)
    gap = scores[:, seen].max(1) - scores[:, ~seen].max(1)
    np.testing.assert_allclose(gap, stored.gap, atol=1e-4 * np.abs(stored.gap).max())
    names = [guesses[0].name for guesses in predictor.predict(test_rows(digits), top=2)]
    assert np.mean(names == np.array(predictor.classes)[stored.predicted]) > 0.999  # ties aside


def test_the_likeliest_classes_come_first_and_say_what_they_are(eszsl, digits):
    predictor = open_predictor(*eszsl)
    scores = predictor.scores(test_rows(digits)[:3])
    for row, guesses in zip(scores, predictor.predict(test_rows(digits)[:3], top=99), strict=True):
        assert [guess.score for guess in guesses] == pytest.approx(sorted(row.tolist(), reverse=True))
        assert {guess.name: guess.kind for guess in guesses} == {
            name: "seen" if is_seen else "unseen"
            for name, is_seen in zip(predictor.classes, predictor.seen, strict=True)
        }


@pytest.mark.parametrize("method", ["eszsl", "f-clswgan"])
def test_an_added_class_with_the_semantics_of_an_unseen_one_competes_with_it(tmp_path, digits, method):
    request = {"settings": GAN, "epochs": 2} if method == "f-clswgan" else {}
    record, folder = run(tmp_path, method, **request)
    twin = digits.unseen_classes[0]
    added = AddedClasses(("twin",), digits.semantics[[twin]])
    plain, wide = open_predictor(record, folder), open_predictor(record, folder, added=added)
    assert wide.classes == (*plain.classes, "twin")
    assert wide.predict(test_rows(digits)[:1], top=99)[0][-1].kind in ("seen", "unseen", "added")
    kinds = {guess.name: guess.kind for guess in wide.predict(test_rows(digits)[:1], top=99)[0]}
    assert kinds["twin"] == "added"
    if method == "eszsl":  # without a head that is fitted anew, the other scores stay
        scores = wide.scores(test_rows(digits))
        np.testing.assert_allclose(scores[:, :-1], plain.scores(test_rows(digits)), rtol=1e-5)
        position = plain.classes.index(digits.class_names[twin])
        np.testing.assert_allclose(scores[:, -1], scores[:, position], rtol=1e-5)


def test_gamma_is_not_subtracted_from_added_classes(eszsl, digits):
    record, folder = eszsl
    seen = digits.seen_classes[0]
    added = AddedClasses(("twin",), digits.semantics[[seen]])
    predictor = open_predictor(record, folder, added=added)
    scores = predictor.scores(test_rows(digits))
    position = predictor.classes.index(digits.class_names[seen])
    assert predictor.gamma != 0
    np.testing.assert_allclose(scores[:, -1] - predictor.gamma, scores[:, position], atol=1e-5)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (lambda digits: AddedClasses((digits.class_names[0].upper(),), digits.semantics[:1]), "already"),
        (lambda digits: AddedClasses(("a", "a"), digits.semantics[:2]), "added twice"),
        (lambda digits: AddedClasses(("a",), digits.semantics[:1, :2]), "have the shape"),
        (lambda digits: AddedClasses(("a",), digits.semantics[:1] * np.nan), "not finite"),
    ],
)
def test_classes_that_do_not_fit_are_refused(eszsl, digits, added, words):
    record, folder = eszsl
    with pytest.raises(DataError, match=words):
        open_predictor(record, folder, added=added(digits))


def test_semantics_of_another_length_are_refused_where_all_have_length_one(tmp_path, digits, monkeypatch):
    unit = digits.semantics / np.linalg.norm(digits.semantics, axis=1, keepdims=True)
    record, folder = run(tmp_path, "eszsl")
    scaled = replace(digits, semantics=unit)
    monkeypatch.setattr("gzslbench.runs.load_trained._dataset", lambda *_: scaled)
    with pytest.raises(DataError, match="length 1"):
        open_predictor(record, folder, added=AddedClasses(("a",), 2 * unit[:1]))
    assert open_predictor(record, folder, added=AddedClasses(("a",), unit[:1])).classes[-1] == "a"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((2, 3)), "not \\(n, 64\\) numbers"),
        (np.zeros(64), "not \\(n, 64\\) numbers"),
        (np.full((2, 64), "a"), "not \\(n, 64\\) numbers"),
        (np.full((2, 64), np.inf), "NaN or infinite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(eszsl, rows, words):
    with pytest.raises(DataError, match=words):
        open_predictor(*eszsl).scores(rows)


def test_rows_of_a_file_are_taken_without_a_warning_and_stay_as_they_are(eszsl, digits, tmp_path, recwarn):
    rows = test_rows(digits)[:4]
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    predictor = open_predictor(*eszsl)
    assert np.array_equal(predictor.scores(mapped), predictor.scores(rows))
    assert not recwarn.list
    assert np.array_equal(np.load(tmp_path / "rows.npy"), test_rows(digits)[:4])


@pytest.mark.parametrize("top", [0, -1])
def test_at_least_one_class_is_shown(eszsl, digits, top):
    with pytest.raises(ParamError, match=f"top cannot be {top}"):
        open_predictor(*eszsl).predict(test_rows(digits)[:1], top=top)


def test_no_rows_give_no_guesses(eszsl):
    assert open_predictor(*eszsl).predict(np.zeros((0, 64), np.float32)) == []


def test_a_control_and_a_transductive_head_are_refused(tmp_path):
    with pytest.raises(StoreError, match="control shuffled"):
        open_predictor(*run(tmp_path, "eszsl", shuffle_semantics=1))
    record, folder = run(tmp_path, "f-clswgan", settings=GAN, epochs=1, head="lisgan-transductive")
    with pytest.raises(StoreError, match="fitted on the test rows"):
        open_predictor(record, folder).scores(np.zeros((1, 64), np.float32))


def test_a_method_on_regions_answers_regions_from_a_file_as_its_run_did(tmp_path):
    made = load_dataset("synthetic")
    folder = tmp_path / "birds"
    folder.mkdir()
    write_hdf5(folder / "rectified.h5", [replace(made, name="birds", attributes=None)], [])
    lines = (
        f"{name},{','.join(map(repr, vector))}"
        for name, vector in zip(made.attributes.names, made.attributes.vectors.tolist(), strict=True)
    )
    (folder / "latent+own.csv").write_text("\n".join(["attribute,0,1,2,3,4", *lines]) + "\n")
    common = {"data": tmp_path, "features": "rectified", "semantics": "latent+own"}
    plan = make_plan(Request("dazle", "birds", **common, epochs=2, device="cpu", calibrate="val"))
    record, folder = run_cell(plan, plan.cells[0], Store(tmp_path / "results"), Options())
    assert record.task.features == "rectified:regions" and record.task.semantics == "latent+own"
    predictor = open_predictor(record, folder, data=tmp_path)
    split = made.split
    rows = made.regions[np.concatenate([split.test_seen, split.test_unseen])]
    stored = calibrate(load_predictions(folder.predictions_file), record.headline.gamma)
    names = np.array([guesses[0].name for guesses in predictor.predict(rows, top=1)])
    assert np.array_equal(names, np.array(predictor.classes)[stored.predicted])
    with pytest.raises(DataError, match=r"not \(n, 4, 32\) numbers"):
        predictor.scores(made.features)
