from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gzslbench.errors import ParamError
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, param
from gzslbench.plugins.presets import load_presets, preset

TABLES = """
[default]
source = "ours"
lr = 0.1

[CUB]
source = "paper, table 2"
epochs = 30

["CUB/sent"]
source = "author"
epochs = 40
lr = 1
"""


@dataclass(frozen=True)
class Example(Params):
    lr: float = param(0.5, "learning rate", above=0)
    epochs: int = param(10, "epochs", low=1)


def spec_in(folder: Path, monkeypatch, text: str | None) -> MethodSpec:
    """A method whose package, in ``folder``, has this defaults.toml and cannot import its own code."""
    package = folder / "some_method"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text("raise ImportError('too heavy')")
    if text is not None:
        (package / "defaults.toml").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(__import__("sys").modules, "some_method", raising=False)
    return MethodSpec("some", "Some", "A, B 2020", "https://x", Example, "some_method.method:Some")


@pytest.mark.parametrize(
    ("dataset", "semantics", "table", "values", "source"),
    [
        ("digits", "strokes", "default", {"lr": 0.1}, "ours"),
        ("CUB", "att", "CUB", {"lr": 0.1, "epochs": 30}, "paper, table 2"),
        ("CUB", "sent", "CUB/sent", {"lr": 1, "epochs": 40}, "author"),
        ("SUN", "sent", "default", {"lr": 0.1}, "ours"),
    ],
)
def test_the_narrowest_table_replaces_values_of_wider_ones(
    tmp_path: Path, monkeypatch, dataset: str, semantics: str, table: str, values: dict, source: str
) -> None:
    found = preset(spec_in(tmp_path, monkeypatch, TABLES), dataset, semantics)
    assert (found.table, found.values, found.source) == (table, values, source)


def test_a_method_without_a_file_has_no_presets(tmp_path: Path, monkeypatch) -> None:
    spec = spec_in(tmp_path, monkeypatch, None)
    assert load_presets(spec) == {}
    assert preset(spec, "CUB", "att").values == {}


@pytest.mark.parametrize(
    ("text", "complaint", "place"),
    [
        ("[CUB]\nlr = -1", "out of range: -1.0", "table [CUB]"),
        ("[CUB]\nepochs = 1.5", "takes int", "table [CUB]"),
        ("[default]\nepoch = 3\n[CUB]\n", "did you mean 'epochs'", "table [default]"),
        ("lr = 0.1", "'lr' is not a table", "table [lr]"),
        ("[CUB\nlr = 1", "not TOML", "defaults.toml"),
    ],
)
def test_a_wrong_table_is_refused_by_file_and_name(
    tmp_path: Path, monkeypatch, text: str, complaint: str, place: str
) -> None:
    with pytest.raises(ParamError) as caught:
        load_presets(spec_in(tmp_path, monkeypatch, text))
    assert complaint in str(caught.value)
    assert str(tmp_path / "some_method" / "defaults.toml") in str(caught.value.where)
    assert place in str(caught.value.where)


def test_a_method_whose_package_is_missing_has_no_preset() -> None:
    spec = MethodSpec("mine", "Mine", "A, B 2020", "", Params, "no_such_package.method:Mine")
    assert load_presets(spec) == {}
