"""Arguments of a wrong type, and names that no file can have, are errors of gzslbench."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gzslbench as gz
from gzslbench.api.arguments import check_arguments
from gzslbench.errors import DataError, ParamError

SCORES = np.eye(10)[:5]
NAMES = {"zero byte": "a\0b", "half a pair": "a\ud800b", "long": "x" * 100_000}
BY_NAME = {
    "load": gz.load,
    "load features": lambda name: gz.load("digits", features=name),
    "load data": lambda name: gz.load("CUB", data=name),
    "run": lambda name: gz.run(name, "digits"),
    "run into": lambda name: gz.run("eszsl", "digits", results=name),
    "results": gz.results,
    "leaderboard": gz.leaderboard,
    "sweep": gz.sweep,
    "evaluate": lambda name: gz.evaluate("digits", name, name="mine"),
    "evaluate as": lambda name: gz.evaluate("digits", SCORES, name=name),
    "methods": gz.methods,
    "check": gz.check,
}
BY_TYPE = {
    "load": gz.load,
    "features": lambda value: gz.load("digits", features=value),
    "semantics": lambda value: gz.load("digits", semantics=value),
    "methods": gz.methods,
    "check": gz.check,
    "kind": lambda value: gz.check("eszsl", kind=value),
    "run": lambda value: gz.run(value, "digits"),
    "params": lambda value: gz.run("eszsl", "digits", params={value: 1}),
    "tune": lambda value: gz.tune(value, "digits"),
    "name": lambda value: gz.evaluate("digits", SCORES, name=value),
    "paper": lambda value: gz.evaluate("digits", SCORES, name="mine", paper=value),
    "setting": lambda value: gz.evaluate("digits", SCORES, name="mine", setting=value),
    "seed": lambda value: gz.evaluate("digits", SCORES, name="mine", seed=value),
    "extract": lambda value: gz.extract("digits", images=".", extractor=value),
    "finetune": lambda value: gz.finetune("digits", images=".", extractor=value),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("call", BY_NAME)
def test_a_name_that_no_file_can_have_is_an_error(call, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gz.GzslBenchError):
        BY_NAME[call](NAMES[kind])
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.parametrize("value", [3.5, (), b"x"], ids=repr)
@pytest.mark.parametrize("call", BY_TYPE)
def test_a_value_of_another_type_is_an_error(call, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gz.GzslBenchError):
        BY_TYPE[call](value)


@check_arguments
def measure(
    *folders: str | Path,
    count: int = 1,
    share: float | None = None,
    names: str | list[str] = (),
    strict: bool = False,
):
    """Fail as code without checks does."""
    if any(map(bool, names)) or share is None:
        [Path(folder) for folder in folders]
        return count + 0, sum(map(len, names)), strict
    return share + 0.5


@pytest.mark.parametrize(
    ("folders", "given", "fix"),
    [
        ([b"x"], {}, "give a text or a path"),
        (["a", None], {}, "give a text or a path"),
        ([], {"count": "3"}, "give a whole number"),
        ([], {"share": "a"}, "give a number or None"),
        ([], {"names": ["a", 1]}, "give a text or list"),
        ([], {"strict": 1}, "give True or False"),
    ],
)
def test_an_argument_of_another_type_is_named_and_the_types_it_takes_too(folders, given, fix):
    with pytest.raises(ParamError) as error:
        measure(*folders, **given)
    assert (error.value.where, error.value.fix) == (next(iter(given), "folders"), fix)


@pytest.mark.parametrize("number", [np.int64(3), np.array(3), torch.tensor(3)], ids=lambda value: type(value))
def test_a_number_of_numpy_or_torch_becomes_one_of_python(number):
    count, _, strict = measure("a", Path("b"), count=number, strict=np.bool_(1))
    assert type(count) is int
    assert strict is True


def test_an_error_of_python_with_right_arguments_stays_as_it_is():
    @check_arguments
    def fail(count: int) -> None:
        raise ValueError(count)

    for call in (lambda: fail(3), lambda: fail(count=3)):
        with pytest.raises(ValueError, match="3"):
            call()
    with pytest.raises(TypeError, match="missing 1 required"):
        fail()


def test_a_seed_of_numpy_and_a_flag_that_is_none_change_no_id(tmp_path):
    def ids(**given):
        done = gz.run("eszsl", "digits", results=tmp_path, quiet=True, **given)
        return [record.id for record in done.records]

    given = {"seeds": np.array(2), "eval_every": np.int64(10), "deterministic": np.bool_(0)}
    assert ids(**given) == ids(seeds=2)
    with pytest.raises(ParamError, match="deterministic cannot be 0"):
        ids(deterministic=0)


@pytest.mark.parametrize(
    "field", ["split", "image_files", "class_names", "name", "semantics_name", "features", "labels"]
)
def test_a_dataset_in_memory_with_a_field_of_another_type_is_an_error(field):
    with pytest.raises(DataError, match=r"read|whole"):
        gz.load(replace(gz.load("digits"), **{field: None}))


@pytest.mark.parametrize("rows", [np.arange(4) + 0.5, np.arange(4) > 1, ["a"], None], ids=repr)
def test_rows_of_a_split_are_whole_numbers(rows):
    with pytest.raises(DataError, match="row numbers of type"):
        gz.Split("mine", rows, [1], [2])


def test_scores_of_changed_labels_are_of_another_task(tmp_path):
    task = gz.load("digits")
    other = replace(task, labels=np.where(task.labels == 3, 4, np.where(task.labels == 4, 3, task.labels)))
    truth = np.concatenate([task.test_seen.labels, task.test_unseen.labels])
    scores = np.eye(len(task.classes))[truth]
    one, two = (gz.evaluate(data, scores, name="mine", results=tmp_path).record for data in (task, other))
    assert one.task.id != two.task.id
    assert any("made in memory" in note for note in two.task.notes)


def test_the_number_of_answers_is_a_whole_number(tmp_path):
    predictor = gz.run("eszsl", "digits", results=tmp_path, quiet=True).predictor()
    rows = gz.load("digits").test_seen.features[:2]
    assert len(predictor.predict(rows, np.int64(2))[0]) == 2
    for top in ("x", None, 1.5, 0):
        with pytest.raises(ParamError, match="top cannot be"):
            predictor.predict(rows, top)


def test_texts_that_would_fill_every_record_are_refused():
    task = gz.load("digits")
    with pytest.raises(DataError, match="longer than 1,048,576 letters"):
        gz.load(replace(task, notes=("x" * 2**21,), content=""))
    with pytest.raises(DataError, match="has 2,000 letters"):
        gz.load(replace(task, class_names=(*task.classes[:-1], "x" * 2000)))
