"""Arguments of a wrong type, and names that no file can have, are errors of gzslbench."""

from __future__ import annotations

import numpy as np
import pytest

import gzslbench as gz

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
