from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

import gzslbench as gz
from gzslbench.cli.run import run as command
from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.errors import DataError, InterruptedRunError, ParamError, PluginError, StoreError
from gzslbench.evaluation.predictions import Predictions
from gzslbench.runs.progress import LogFile
from gzslbench.runs.record import Failure

SAME = {"seed": "seeds", "set": "params", "head_set": "head_params"}
NOT_IN_PYTHON = {"json", "dry_run", "profile"}
"""The functions return objects; a plan or a trace is for the terminal."""


def run(method="eszsl", dataset="digits", **more):
    return gz.run(method, dataset, device="cpu", quiet=True, **more)


def test_every_option_of_the_command_is_an_argument_with_the_same_default() -> None:
    parameters = inspect.signature(gz.run).parameters
    defaults = command.make_context("run", [], resilient_parsing=True).params
    for option in command.params:
        long = max(option.opts, key=len).removeprefix("--").replace("-", "_")
        if long in NOT_IN_PYTHON:
            continue
        name = SAME.get(long, long)
        assert name in parameters, name
        if name not in ("method", "dataset", "seeds", "resume", "results"):
            assert (parameters[name].default or None) == (defaults[option.name] or None), name


def test_metrics_are_means_over_the_seeds(runs: Path) -> None:
    result = run("devise", seeds=[1, 2], epochs=1, results=runs)
    stored = [json.loads((folder.path / "record.json").read_text()) for folder in result.folders]
    values = [record["metrics"]["last"]["H"] for record in stored]
    assert values[0] != values[1]
    assert result.metrics.H == pytest.approx(fmean(values), abs=1e-12)
    assert result.deviations["H"] == pytest.approx(stdev(values), abs=1e-12)
    assert [record.cell.seed for record in result.records] == [1, 2]


def test_one_seed_has_its_own_numbers_and_no_deviation(runs: Path) -> None:
    result = run(seeds=1, results=runs)
    assert result.metrics.as_dict() == result.records[0].metrics["last"].as_dict()
    assert result.deviations == {}


def test_a_stored_run_is_not_run_again(runs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.glob("*/record.json")}
    run(seeds=[1, 2], results=runs)
    assert {path: path.stat().st_mtime_ns for path in runs.glob("*/record.json")} == before


def test_a_run_of_the_command_is_reused(gzslbench, tmp_path: Path) -> None:
    gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--device", "cpu", "--set", "alpha=2")
    (stored,) = (tmp_path / "results").glob("*/record.json")
    result = run(params={"alpha": 2})
    assert [folder.record_file.resolve() for folder in result.folders] == [stored.resolve()]


def test_predictions_give_the_metrics(runs: Path) -> None:
    result = run(seeds=[1, 2], results=runs)
    predictions = result.predictions
    assert list(predictions) == [1, 2]
    found = predictions[2]
    unseen = np.flatnonzero(~found.seen)
    shares = [np.mean(found.predicted[found.labels == label] == label) for label in unseen]
    assert result.metrics.U == pytest.approx(100 * np.mean(shares), abs=1e-9)
    assert len(result.classes) == len(found.seen)


def test_parameters_may_be_numbers_of_numpy(runs: Path) -> None:
    given = run(params={"alpha": np.float64(3.0)}, seeds=np.int64(1), results=runs)
    assert given.records[0].id == run(params={"alpha": 3.0}, seeds=1, results=runs).records[0].id


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        ({"params": {"alfa": 1.0}}, "no parameter 'alfa'", "did you mean 'alpha'?"),
        ({"params": {"alpha": "high"}}, "'alpha' takes float, not 'high'", "exponent of the penalty"),
        ({"params": {"alpha": 11.0}}, "out of range", "<= 10"),
        ({"params": ["alpha=1"]}, "params cannot be ['alpha=1']", 'params={"epochs": 10}'),
        ({"seeds": "one"}, "seeds cannot be 'one'", "whole number from 0"),
        ({"seeds": [1, -2]}, "seeds cannot be -2", "whole number from 0"),
        ({"eval_every": 2.5}, "eval_every cannot be 2.5", "whole number from 0"),
        ({"eval_repeats": 0}, "eval_repeats cannot be 0", "whole number from 1"),
        ({"select": "best"}, "no selection rule 'best'", "val"),
        ({"calibrate": True}, "gamma cannot be chosen by True", "none or val"),
        ({"control": "random"}, "no control 'random'", "oracle"),
        ({"preprocessing": "pca"}, "preprocessing cannot be 'pca'", "minmax"),
        ({"head_params": {"k": 1}}, "softmax head has no parameters", "params"),
    ],
)
def test_a_wrong_argument_is_explained(tmp_path: Path, arguments, what: str, fix: str) -> None:
    with pytest.raises(ParamError) as caught:
        run(results=tmp_path / "results", **arguments)
    assert what in caught.value.what
    assert fix in str(caught.value.fix)
    assert "--" not in str(caught.value)
    assert not (tmp_path / "results").exists()


def test_an_unknown_method_gets_the_advice_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="did you mean 'eszsl'"):
        run("eszls", results=tmp_path)


def test_a_class_as_the_method_is_to_be_registered(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match="register"):
        run(Path, results=tmp_path)


def test_a_diverged_seed_has_no_mean(runs: Path) -> None:
    result = run(seeds=[1, 2], results=runs)
    failure = Failure("loss", "training", 1)
    broken = replace(result.records[1], status="diverged", metrics={}, parameters=None, failure=failure)
    mixed = gz.RunResult([result.records[0], broken], result.folders)
    with pytest.raises(StoreError, match="seed 2 diverged"):
        _ = mixed.metrics
    assert "diverged" in repr(mixed)


class TestDatasetInMemory:
    @pytest.fixture
    def task(self) -> gz.Dataset:
        made = make_synthetic(classes=6, unseen=2, dim=8, semantic_dim=4, per_class=10, noise=0.3, seed=1)
        return replace(made, name="mine", content="", notes=())

    def test_it_runs_and_says_that_it_is_in_memory(self, task: gz.Dataset, tmp_path: Path) -> None:
        record = run(dataset=task, results=tmp_path).records[0]
        assert record.task.dataset == "mine"
        assert any(note.startswith("made in memory") for note in record.task.notes)

    def test_a_changed_array_is_another_task(self, task: gz.Dataset, tmp_path: Path) -> None:
        first = run(dataset=task, results=tmp_path).records[0]
        other = replace(task, semantics=task.semantics + 1)
        assert run(dataset=other, results=tmp_path).records[0].id != first.id
        task.features[0] += 1
        assert run(dataset=task, results=tmp_path).records[0].id != first.id

    def test_lists_and_other_precisions_are_taken(self, task: gz.Dataset) -> None:
        wide = replace(task, features=task.features.astype(np.float64), labels=task.labels.tolist())
        checked = gz.load(wide)
        assert checked.features.dtype == np.float32
        assert checked.task_id == gz.load(task).task_id

    def test_a_changed_published_dataset_is_marked(self, tmp_path: Path) -> None:
        digits = gz.load("digits")
        record = run(dataset=replace(digits, features=digits.features + 1), results=tmp_path).records[0]
        board = gz.leaderboard(tmp_path)
        assert record.task.dataset == "digits"
        assert "digits (made in memory)" in repr(board)

    def test_test_rows_among_the_training_rows_are_refused(self, task: gz.Dataset) -> None:
        loaded = gz.load(task)
        split = gz.Split("mine", loaded.split.trainval, loaded.split.trainval[:3], loaded.split.test_unseen)
        with pytest.raises(DataError):
            gz.load(replace(loaded, split=split))

    @pytest.mark.parametrize("dtype", [np.float64, str])
    @pytest.mark.parametrize("part", ["features", "semantics"])
    def test_equal_numbers_of_another_type_are_the_same_dataset(self, part: str, dtype: type) -> None:
        digits = gz.load("digits")
        again = gz.load(replace(digits, **{part: getattr(digits, part).astype(dtype)}))
        assert again.task_id == digits.task_id
        assert getattr(again, part).dtype == np.float32
        assert np.array_equal(getattr(again, part), getattr(digits, part))

    @pytest.mark.parametrize("part", ["features", "semantics"])
    def test_words_are_no_numbers(self, task: gz.Dataset, part: str) -> None:
        with pytest.raises(DataError, match="arrays cannot be read: could not convert string"):
            gz.load(replace(task, **{part: np.full(getattr(task, part).shape, "high")}))

    def test_nan_is_refused(self, task: gz.Dataset) -> None:
        task.features[3, 2] = np.nan
        with pytest.raises(DataError, match="NaN"):
            gz.load(task)

    def test_other_features_are_not_taken_from_its_name(self, task: gz.Dataset) -> None:
        with pytest.raises(ParamError, match="features"):
            gz.load(task, features="res101")


def test_a_stopped_run_is_saved_and_the_same_call_continues(tmp_path: Path, monkeypatch) -> None:
    whole = run("devise", epochs=3, results=tmp_path / "whole").records[0]
    calls = []
    iteration = LogFile.iteration

    def press_stop(self):
        calls.append(1)
        if len(calls) == 5:
            import signal

            signal.raise_signal(signal.SIGINT)
        iteration(self)

    monkeypatch.setattr(LogFile, "iteration", press_stop)
    with pytest.raises(InterruptedRunError, match="its state is saved"):
        run("devise", epochs=3, results=tmp_path / "stopped")
    monkeypatch.undo()
    continued = run("devise", epochs=3, results=tmp_path / "stopped").records[0]
    assert continued.comparable() == whole.comparable()


def test_the_predictions_of_a_result_are_typed(runs: Path) -> None:
    assert isinstance(run(seeds=1, results=runs).predictions[1], Predictions)
