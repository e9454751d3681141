from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import pytest

import gzslbench as gz
from gzslbench.api.sweep import _without_main
from gzslbench.cli.extract import extract as extract_command
from gzslbench.cli.suites import sweep as sweep_command
from gzslbench.cli.tune import tune as tune_command
from gzslbench.errors import ParamError

SAME = {"set": "params", "head_set": "head_params", "pruning": "pruning"}
NOT_IN_PYTHON = {
    "sweep": {"dry_run", "status", "failed"},
    "tune": {"json", "write", "eval_every"},
    "extract": set(),
}
"""What is a method of the result, or for the terminal."""


@pytest.mark.parametrize(
    ("function", "command"),
    [(gz.sweep, sweep_command), (gz.tune, tune_command), (gz.extract, extract_command)],
    ids=["sweep", "tune", "extract"],
)
def test_every_option_is_an_argument_with_the_same_default(function, command) -> None:
    parameters = inspect.signature(function).parameters
    defaults = command.make_context("x", [], resilient_parsing=True).params
    for option in command.params:
        long = max(option.opts, key=len).removeprefix("--").replace("-", "_")
        if long in NOT_IN_PYTHON[function.__name__]:
            continue
        name = SAME.get(long, long)
        assert name in parameters, name
        default = parameters[name].default
        if default is not inspect.Parameter.empty and name != "results":
            assert (default or None) == (defaults[option.name] or None), name


def test_tuning_a_dataset_in_memory_finds_parameters_and_tests_them_once(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    task = gz.load("digits")
    study = gz.tune(
        "cnzsl",
        task,
        search={"hidden": "16..32:log"},
        trials=2,
        epochs=1,
        device="cpu",
        results=tmp_path / "results",
        quiet=True,
    )
    assert [trial["trial"] for trial in study.trials] == [0, 1]
    assert study.value == max(trial["value"] for trial in study.trials)
    assert f"the best has H {study.value:.2f} on validation classes" in repr(study)
    assert study.test is not None
    assert study.test.records[0].cell.params == study.best
    assert study.test.records[0].task.content == task.content
    preset = study.write(tmp_path / "tuned.toml")
    again = gz.run("cnzsl", task, preset=preset, eval_every=0, device="cpu", results=tmp_path / "results")
    assert again.records[0].id == study.test.records[0].id


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"trials": 0}, "trials cannot be 0"),
        ({"search": ["hidden=1..2"]}, "search cannot be"),
        ({"search": {"hiden": "1..2"}}, "no parameter 'hiden'\n  where: search"),
        ({"params": {"hiden": 3}}, "no parameter 'hiden'"),
        ({"workers": 2}, "other processes cannot see a dataset in memory"),
    ],
)
def test_wrong_arguments_of_tune_are_explained(tmp_path: Path, arguments, what: str) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(ParamError) as caught:
        gz.tune("cnzsl", gz.load("digits"), device="cpu", results=tmp_path, **arguments)
    assert what in str(caught.value)
    assert "--" not in str(caught.value)


def test_the_main_program_is_hidden_only_inside() -> None:
    main = sys.modules["__main__"]
    before = {name: main.__dict__.get(name) for name in ("__file__", "__spec__")}
    with _without_main():
        assert getattr(main, "__file__", None) is None
        assert main.__spec__ is None
    assert {name: main.__dict__.get(name) for name in before} == before


def test_an_unknown_suite_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match="no suite 'digit'"):
        gz.sweep("digit", results=tmp_path)


@pytest.mark.acceptance
def test_a_script_sweeps_without_a_guard(tmp_path: Path, fork) -> None:
    suite = '[[runs]]\nname = "a"\nmethod = "eszsl"\ndataset = "digits"\nseeds = [1, 2]\n'
    (tmp_path / "mine.toml").write_text(f'title = "two"\n{suite}')
    program = """
import json
import gzslbench as gz
outcome = gz.sweep("mine.toml", jobs=1, quiet=True)
print(json.dumps([outcome.complete, outcome.rows(), len(outcome.runs)]))
"""
    done = fork(tmp_path, program=program)
    assert done.returncode == 0, done.stderr
    complete, rows, runs = json.loads(done.stdout)
    assert complete and runs == 2
    assert [row["state"] for row in rows] == ["complete", "complete"]
    for row in rows:
        record = json.loads((tmp_path / "results" / row["id"] / "record.json").read_text())
        assert row["H"] == record["metrics"]["last"]["H"]
