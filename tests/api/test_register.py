from __future__ import annotations

import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gzslbench as gz
from gzslbench.errors import ParamError, PluginError
from gzslbench.plugins.registry import plugins
from gzslbench.runs.load_trained import open_trained
from gzslbench.runs.plan import Request

RIDGE = '''
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from gzslbench.plugins import Params, param

SCALE = 2.0
TABLE = np.arange(3.0)


@dataclass(frozen=True)
class RidgeParams(Params):
    penalty: float = param(1.0, "weight of the squared map", above=0)


def gram(rows):
    return rows.t() @ rows


class LeastSquares:
    """A linear map from features to the semantics of their class."""

    def __init__(self, view, params: RidgeParams):
        targets = normalize(view.semantics)[view.labels] * SCALE
        ridge = gram(view.features) + params.penalty * torch.eye(view.features.shape[1])
        solved = torch.linalg.solve(ridge, view.features.t() @ targets)
        self.map = nn.Linear(*solved.shape, bias=False)
        self.map.weight.data = solved.t().contiguous()
        self.modules = nn.ModuleDict({"map": self.map})

    def stages(self):
        return ()

    def scores(self, features, semantics):
        return self.map(features) @ normalize(semantics).t() + float(TABLE[0])
'''
WALKING = (
    RIDGE
    + """

class Walk:
    batch_size = 50

    def __init__(self, method, semantics):
        self.method, self.semantics, self.mean = method, semantics, 0.0

    def scores(self, features):
        return self.method.scores(features - self.mean, self.semantics)

    def learn(self, features):
        self.mean = 0.9 * self.mean + 0.01 * features.mean(0)


class Walking(LeastSquares):
    def evolve(self, semantics, seen, generator):
        return Walk(self, semantics)
"""
)
Define = Callable[..., type[Any]]


@pytest.fixture
def define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Define:
    """Execute a program, optionally with one text replaced, and return its class."""
    monkeypatch.setattr(plugins(), "unpackaged", {})
    numbers = iter(range(100))

    def execute(old: str = "", new: str = "", text: str = RIDGE, name: str = "LeastSquares") -> type[Any]:
        assert old in text
        file = tmp_path / f"cell{next(numbers)}.py"
        file.write_text(text.replace(old, new, 1) if old else text)
        return runpy.run_path(str(file))[name]

    return execute


def run(folder: Path, method: str = "least-squares", **more: Any) -> gz.RunResult:
    return gz.run(method, "digits", device="cpu", results=folder, quiet=True, **more)


def test_name_kind_and_parameters_come_from_the_class(define: Define) -> None:
    found = gz.register(define())
    spec = plugins().method("least-squares")
    assert found.spec is spec is gz.methods()["least-squares"]
    assert (spec.kind, spec.setting, spec.title) == ("scoring", "inductive", "LeastSquares")
    assert spec.params.__name__ == "RidgeParams"
    assert [row["name"] for row in found.rows()] == ["penalty"]


def test_it_runs_and_its_parameters_are_checked(define: Define, tmp_path: Path) -> None:
    gz.register(define())
    result = run(tmp_path / "results", params={"penalty": 10})
    assert result.metrics.T1 > 60
    assert result.records[0].cell.params == {"penalty": 10.0}
    with pytest.raises(ParamError, match="'penalty' is out of range"):
        run(tmp_path / "results", params={"penalty": 0})


def test_it_passes_the_quick_checks(define: Define) -> None:
    gz.register(define())
    result = gz.check("least-squares", fast=True)
    assert result.passed, result
    assert {row["status"] for row in result.rows()} == {"passed", "skipped"}


def test_a_broken_contract_fails_a_check(define: Define) -> None:
    gz.register(define("@ normalize(semantics).t()", "@ normalize(semantics).t() + features.mean()"))
    result = gz.check("least-squares", fast=True)
    assert not result.passed
    assert result.tables()[0].rows[0][1].text == "rows-do-not-influence-each-other"


def test_an_evolving_method_runs_and_its_record_and_its_controls_say_so(
    define: Define, tmp_path: Path
) -> None:
    gz.register(define(text=WALKING, name="Walking"), setting="evolving")
    result = run(tmp_path / "results", "walking", eval_repeats=2)
    (record,) = result.records
    assert record.setting == "evolving"
    assert len({repeat.H for repeat in record.repeats}) == 2  # another seed is another order
    for control in ("chance", "oracle"):
        (record,) = run(tmp_path / "results", "walking", control=control).records
        assert (record.setting, record.control) == ("evolving", control)


def test_the_same_code_reuses_the_stored_run(define: Define, tmp_path: Path) -> None:
    ids = set()
    for _ in range(2):
        gz.register(define())
        ids.add(run(tmp_path / "results").records[0].id)
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@ normalize(semantics).t()", "@ semantics.t()"),
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("return rows.t() @ rows", "return rows.t() @ rows * 2"),
        ("torch.nn.functional import normalize", "torch import relu as normalize"),
        ("TABLE = np.arange(3.0)", "TABLE = np.arange(4.0)"),
        ("class LeastSquares:", "class Base:\n    x = 1\n\n\nclass LeastSquares(Base):"),
        ("above=0)", "above=0.5)"),
    ],
    ids=["method", "constant", "function", "import", "array", "base", "parameters"],
)
def test_changed_code_is_another_run(define: Define, tmp_path: Path, old: str, new: str) -> None:
    gz.register(define())
    before = run(tmp_path / "results").records[0]
    gz.register(define(old, new))
    after = run(tmp_path / "results").records[0]
    assert after.cell.code != before.cell.code
    assert after.id != before.id


def test_a_module_next_to_the_program_is_part_of_the_code(
    define: Define, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    codes = set()
    for scale in ("1.0", "2.0"):
        (tmp_path / "local_helper.py").write_text(f"SCALE = {scale}\n")
        sys.modules.pop("local_helper", None)
        with_module = RIDGE.replace("SCALE = 2.0", "import local_helper").replace(
            "* SCALE", "* local_helper.SCALE"
        )
        codes.add(gz.register(define(text=with_module)).spec.code)
        sys.modules.pop("local_helper", None)
    assert len(codes) == 2


def test_a_run_keeps_the_code_and_verify_compares_it(define: Define, tmp_path: Path, gzslbench) -> None:
    gz.register(define())
    result = run(tmp_path / "results")
    file = result.folders[0].path / "method.py"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == result.records[0].cell.code
    assert "SCALE = 2.0" in file.read_text() and "def gram" in file.read_text()
    assert "1 of unpackaged methods" in gzslbench("runs", "verify").stdout
    file.write_text(file.read_text() + "# edited\n")
    edited = gzslbench("runs", "verify")
    assert edited.exit_code == 1 and "is not the code of its method" in edited.stdout


def test_records_of_installed_methods_have_no_code(runs: Path) -> None:
    for path in runs.glob("*/record.json"):
        assert "code" not in json.loads(path.read_text())["cell"]


def test_other_processes_say_what_the_run_is(define: Define, tmp_path: Path, gzslbench) -> None:
    gz.register(define())
    result = run(tmp_path / "results")
    record = result.records[0]
    plugins().unpackaged.clear()  # as in another process
    label = f"least-squares, unpackaged code {record.cell.code[:8]}"
    assert label in gzslbench("leaderboard").stdout
    assert "gzslbench.register the class in method.py" in gzslbench("show", record.id).stdout
    with pytest.raises(PluginError, match=r"gzslbench\.register first"):
        open_trained(record, result.folders[0])


def test_another_code_of_the_name_does_not_load_the_networks(define: Define, tmp_path: Path) -> None:
    gz.register(define())
    result = run(tmp_path / "results")
    open_trained(result.records[0], result.folders[0])
    gz.register(define("SCALE = 2.0", "SCALE = 3.0"))
    with pytest.raises(PluginError, match="not registered in this process"):
        open_trained(result.records[0], result.folders[0])


def test_worker_processes_are_refused(define: Define) -> None:
    gz.register(define())
    with pytest.raises(PluginError, match="other processes cannot import"):
        Request("least-squares", "digits").for_a_worker()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("def stages", "def steps", r"it has no stages\(\)"),
        ("def scores", "def score", r"it has no synthesize\(\)"),
        ("def __init__(self, view, params: RidgeParams)", "def __init__(self, view)", "does not take"),
        ("params: RidgeParams", "params: dict", "its params are"),
        ("params: RidgeParams", "params: 'Ridge'", "its params are 'Ridge'"),
        ("TABLE = np.arange(3.0)", "TABLE = [object()]", "'TABLE', whose content is not known"),
    ],
)
def test_what_is_missing_is_named(define: Define, old: str, new: str, what: str) -> None:
    with pytest.raises(PluginError, match=what):
        gz.register(define(old, new))
    assert "least-squares" not in gz.methods()


def test_names_are_checked(define: Define) -> None:
    cls = define()
    with pytest.raises(PluginError, match="installed method"):
        gz.register(cls, name="eszsl")
    with pytest.raises(PluginError, match="lower case"):
        gz.register(cls, name="My Method")
    with pytest.raises(ParamError, match="cls cannot be 'ridge'"):
        gz.register("ridge")  # type: ignore[arg-type]


def test_code_that_cannot_be_read_is_refused() -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(RIDGE, scope)
    with pytest.raises(PluginError, match="cannot be read"):
        gz.register(scope["LeastSquares"])


def test_a_method_without_parameters_has_none(define: Define, tmp_path: Path) -> None:
    gz.register(define("params: RidgeParams", "params", RIDGE.replace("params.penalty", "1.0")))
    assert run(tmp_path / "results").records[0].cell.params == {}


def test_a_network_without_a_size_is_refused(define: Define, tmp_path: Path) -> None:
    solved = "nn.Linear(*solved.shape, bias=False)\n        self.map.weight.data = solved.t().contiguous()"
    for network in ("nn.LazyLinear(3)", "nn.Linear(3, 3, device='meta')"):
        gz.register(define(solved, network))
        with pytest.raises(PluginError, match="'least-squares' has no size or no values yet"):
            run(tmp_path / "results")
