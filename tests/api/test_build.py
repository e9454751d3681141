from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import gzslbench as gz
from gzslbench.cli.data.build import build as command
from gzslbench.errors import GzslBenchError, ParamError

NOT_IN_PYTHON = {"dry_run", "json", "layout"}
"""A plan and JSON are for the terminal; the layout of a published archive is for its own folder."""


@pytest.fixture
def arrays() -> dict[str, object]:
    random = np.random.default_rng(0)
    semantics = {name: random.normal(size=5) for name in ("cat", "dog", "owl", "bee")}
    labels = [name for name in semantics for _ in range(10)]
    features = np.array([semantics[name] for name in labels]) @ random.normal(size=(5, 8))
    return {"semantics": semantics, "labels": labels, "features": features + random.normal(size=(40, 8))}


def test_every_option_is_an_argument_with_the_same_default() -> None:
    parameters = inspect.signature(gz.build).parameters
    defaults = command.make_context("x", [], resilient_parsing=True).params
    for option in command.params:
        name = max(option.opts, key=len).removeprefix("--").replace("-", "_")
        if name not in NOT_IN_PYTHON:
            default = parameters[name].default
            if default is not inspect.Parameter.empty:
                assert (default or None) == (defaults[option.name] or None), name


def test_arrays_become_a_dataset_that_runs(arrays, tmp_path: Path, capsys) -> None:
    folder = gz.build(tmp_path / "mine", unseen=["owl"], **arrays)
    assert "mine: 4 classes, 40 rows" in capsys.readouterr().err
    task = gz.load(folder)
    assert [task.classes[label] for label in np.unique(task.test_unseen.labels)] == ["owl"]
    assert len(task.train.rows) + len(task.test_seen.rows) == 30
    np.testing.assert_allclose(task.features, arrays["features"], rtol=1e-6)
    result = gz.run("eszsl", folder, device="cpu", results=tmp_path / "results", quiet=True)
    assert result.records[0].task.dataset == "mine"


def test_files_may_be_given_as_text(arrays, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", arrays["features"])
    files = {**arrays, "features": str(tmp_path / "x.npy")}
    folder = gz.build(str(tmp_path / "mine"), unseen=["owl"], quiet=True, **files)
    assert gz.load(folder).features_name == "x"


def test_quiet_prints_nothing(arrays, tmp_path: Path, capsys) -> None:
    gz.build(tmp_path / "mine", unseen_classes=1, quiet=True, **arrays)
    assert capsys.readouterr() == ("", "")


def test_a_missing_argument_is_explained_and_nothing_is_written(arrays, tmp_path: Path) -> None:
    with pytest.raises(ParamError) as caught:
        gz.build(tmp_path / "mine", **arrays)
    assert caught.value.where == "unseen, unseen_classes"
    assert not (tmp_path / "mine").exists()


def test_an_unknown_extractor_gets_advice(arrays, tmp_path: Path) -> None:
    folder = gz.build(tmp_path / "mine", unseen=["owl"], quiet=True, **arrays)
    with pytest.raises(GzslBenchError, match="did you mean 'resnet101'"):
        gz.extract(folder, images=tmp_path, extractor="resnet11", quiet=True)
