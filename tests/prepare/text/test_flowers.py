"""Semantics of real flowers from a real text model, from their names and from their looks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.load import load_dataset

LOOKS = Path(__file__).parents[3] / "docs" / "flowers.csv"
pytestmark = pytest.mark.acceptance  # sentence-transformers takes seconds to import
LITE0 = ("--features", "efficientnet_lite0")


@pytest.fixture(scope="module")
def flowers(tmp_path_factory) -> Path:
    """A writable data root with Oxford Flowers."""
    import os

    real = Path(os.environ.get("GZSLBENCH_DATA", ""), "FLO")
    if not (real / "efficientnet_lite0.mat").is_file() or not (real / "cat_to_name.json").is_file():
        pytest.skip("GZSLBENCH_DATA names no folder with FLO's features and the names of its classes")
    folder = tmp_path_factory.mktemp("flowers") / "FLO"
    folder.mkdir()
    for name in ("att_splits.mat", "cat_to_name.json"):
        shutil.copyfile(real / name, folder / name)
    (folder / "efficientnet_lite0.mat").symlink_to((real / "efficientnet_lite0.mat").resolve())
    return folder.parent


@pytest.fixture
def build(flowers, minilm, call):
    def build_it(name, *more):
        arguments = ("--encoder", minilm, "--name", name, "--data", flowers, "--overwrite", *more)
        outcome = call("data", "semantics", "FLO", *arguments)
        assert outcome.exit_code == 0, outcome.output

    return build_it


@pytest.fixture
def run(flowers, call, tmp_path):
    def run_it(method, semantics, *more):
        what = ("--method", method, "--dataset", "FLO", "--semantics", semantics, *LITE0, "--data", flowers)
        outcome = call("run", *what, "--results", tmp_path / "runs", "--json", *more)
        assert outcome.exit_code == 0, outcome.output
        return json.loads(outcome.output.splitlines()[-1])

    return run_it


def test_names_near_in_words_get_near_semantics(flowers, build):
    build("names", "--descriptions", flowers / "FLO" / "cat_to_name.json")
    dataset = load_dataset("FLO", "efficientnet_lite0", "names", flowers)
    assert dataset.semantics.shape == (102, 384)
    near = dataset.semantics @ dataset.semantics.T - 2 * np.eye(102)
    names = json.loads((flowers / "FLO" / "cat_to_name.json").read_text())
    lily = next(number for number, name in names.items() if name == "tiger lily")
    assert "lily" in names[str(near[int(lily) - 1].argmax() + 1)]


def test_descriptions_of_looks_tell_unseen_flowers_apart_and_shuffled_ones_do_not(build, run):
    build("looks", "--descriptions", LOOKS)
    among_unseen = run("eszsl", "looks")["metrics"]["last"]["T1"]
    control = run("eszsl", "looks", "--shuffle-semantics", "1")["metrics"]["last"]["T1"]
    assert among_unseen > 25 and control < 12  # chance is 5
