from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import Plugins
from gzslbench.plugins.tracker import TrackerSpec


def test_a_good_installation_has_no_problems_and_is_left_unchanged(invoke) -> None:
    done = invoke("doctor")
    assert done.exit_code == 0
    assert done.stdout.startswith("no problems\n")
    assert f"torch {version('torch')}" in done.stdout
    assert len(done.stdout.splitlines()) < 20
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("load", "complaint"),
    [
        ("no_such_module:Mine", "No module named 'no_such_module'"),
        ("json:Mine", "has no attribute 'Mine'"),
        ("plugin_of_test_doctor:Mine", "No module named 'missing_library'"),
    ],
)
def test_a_method_whose_code_cannot_be_imported_is_a_problem_that_names_what_is_missing(
    invoke, tmp_path: Path, monkeypatch, load: str, complaint: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "plugin_of_test_doctor.py").write_text("import missing_library")
    spec = MethodSpec("mine", "Mine", "A, B 2020", "https://x", Params, load)
    monkeypatch.setattr(Plugins, "methods", lambda _: {"mine": spec})
    done = invoke("doctor")
    assert done.exit_code == 1
    assert complaint in done.stdout
    assert f"mine ({load}): " in done.stdout
    first, second, *others = done.stdout.splitlines()
    assert (complaint in first, second) == (True, "1 problem")
    assert others and not any(complaint in line for line in others)


def test_a_method_with_a_wrong_parameter_is_a_problem_that_names_its_class(invoke, monkeypatch) -> None:
    wrong = dataclass(frozen=True)(type("Wrong", (Params,), {"__annotations__": {"rate": list}, "rate": 1}))
    spec = MethodSpec("mine", "Mine", "A, B 2020", "https://x", wrong, "json:dumps")
    monkeypatch.setattr(Plugins, "methods", lambda _: {"mine": spec})
    done = invoke("doctor")
    assert done.exit_code == 1
    assert "Wrong cannot be used: TypeError: rate has no valid type" in done.stdout


def test_what_methods_and_datasets_load_is_imported(invoke) -> None:
    code = json.loads(invoke("doctor", "--json").stdout)["code"]
    assert {"ce-gzsl", "f-clswgan", "digits", "synthetic"} <= {item["name"] for item in code}
    assert all(item["error"] is None for item in code)
    assert {item["load"].partition(":")[0] for item in code} <= set(sys.modules)


@pytest.mark.parametrize("option", ["--results", "--data"])
def test_a_folder_of_a_name_longer_than_any_may_have_is_a_problem(invoke, option: str) -> None:
    done = invoke("doctor", option, "a" * 300)
    assert done.exit_code == 1
    assert "give a shorter name" in done.stdout
    assert "1 problem\n" in done.stdout


def test_known_datasets_are_listed_with_their_folders(invoke, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "data-root" / "xlsa17" / "data" / "AWA2").mkdir(parents=True)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path / "data-root"))
    data = json.loads(invoke("doctor", "--json").stdout)["data"]
    assert data["there"]
    assert list(data["datasets"]) == ["AWA2"]
    assert "CUB" in data["missing"]
    assert "digits" not in data["missing"]


def test_a_results_folder_that_takes_no_files_is_a_problem(invoke, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    for results in ("results", "results/deeper"):
        done = invoke("doctor", "--results", results)
        assert done.exit_code == 1
        assert "1 problem\n" in done.stdout
    assert (tmp_path / "results").read_text() == "mine"


def test_it_says_whether_class_scores_can_be_compiled(invoke, monkeypatch, tmp_path: Path) -> None:
    compiler = tmp_path / "compiler"
    compiler.touch(mode=0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.delenv("GZSLBENCH_COMPILE", raising=False)
    found = json.loads(invoke("doctor", "--json").stdout)["compilation"]
    assert found == {"compiler": str(compiler), "obstacle": None, "error": None}
    monkeypatch.setenv("GZSLBENCH_COMPILE", "0")
    assert "GZSLBENCH_COMPILE=0" in invoke("doctor").stdout
    monkeypatch.delenv("GZSLBENCH_COMPILE")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "no C++ compiler" in invoke("doctor").stdout


def test_an_environment_variable_that_is_neither_0_nor_1_is_a_problem(invoke, monkeypatch) -> None:
    monkeypatch.setenv("GZSLBENCH_COMPILE", "maybe")
    done = invoke("doctor")
    assert done.exit_code == 1
    assert "'maybe' is neither 0 nor 1" in done.stdout


def test_a_tracker_that_is_not_installed_is_listed_with_its_extra_and_is_not_a_problem(
    invoke, monkeypatch
) -> None:
    specs = {
        "there": TrackerSpec("there", "There", "x:Y", ("json",)),
        "absent": TrackerSpec("absent", "Absent", "x:Y", ("json", "no_such_module"), "gzslbench[absent]"),
    }
    monkeypatch.setattr(Plugins, "trackers", lambda _: specs)
    done = invoke("doctor")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "trackers there" in lines
    assert "absent is not installed: pip install 'gzslbench[absent]'" in lines
    reported = json.loads(invoke("doctor", "--json").stdout)["trackers"]
    assert [item["missing"] for item in reported] == [[], ["no_such_module"]]


def test_the_trackers_of_this_distribution_are_listed(invoke) -> None:
    reported = json.loads(invoke("doctor", "--json").stdout)["trackers"]
    assert {"tensorboard", "mlflow", "wandb"} <= {item["name"] for item in reported}
    assert all(item["install"] == f"gzslbench[{item['name']}]" for item in reported)
