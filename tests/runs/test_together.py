"""gzslbench run --together: every record is that of the seed alone, up to rounding."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest
import torch
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.errors import CheckpointError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugins
from gzslbench.runs.store import Store
from gzslbench.training.checkpoint import save_checkpoint
from gzslbench.training.construction import build_method
from gzslbench.training.interruption import Interruption
from gzslbench.training.joint_step import JointStep
from gzslbench.training.together import SeedGroup

POINTS = 1.0
"""Of each metric, in percent: a few test rows that lie on the border of two classes."""
ITERATIONS = {"classifier": 3 * 12, "game": 6 * 18}
"""Of each stage of f-CLSWGAN, at the settings of these tests."""
SEEDS = ("--seed", "1", "--seed", "2", "--seed", "3")


@pytest.fixture
def run(arguments, tmp_path):
    """A run of seeds 1, 2 and 3, unless told otherwise, in a results folder of the given name."""

    def invoke(*extra, folder="results", seeds=SEEDS, method="f-clswgan", fails=False):
        asked = arguments("--json", "--results", str(tmp_path / folder), *seeds, *extra, method=method)
        outcome = CliRunner().invoke(main, asked)
        if not fails and outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return invoke


@pytest.fixture
def interrupted(run, monkeypatch):
    """The same call as ``run``, stopped after so many iterations."""

    def invoke(*extra, after, **settings):
        iterations = iter(range(after))

        def asked(interruption):
            if next(iterations, None) is None:
                os.kill(os.getpid(), signal.SIGINT)
            return interruption.requested

        with monkeypatch.context() as patch:
            patch.setattr(Interruption, "__call__", asked)
            return run(*extra, **settings)

    return invoke


def records_of(outcome, status=0):
    assert outcome.exit_code == status, outcome.output
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def assert_alike(records, expected):
    assert [record["id"] for record in records] == [record["id"] for record in expected]
    for record, own in zip(records, expected, strict=True):
        for field in record.keys() - {"run", "metrics", "validation"}:
            assert record[field] == own[field]
        for rule, metrics in own["metrics"].items():
            assert record["metrics"][rule] == pytest.approx(metrics, abs=POINTS)


def together(records):
    return [record["run"]["together"] for record in records]


@pytest.mark.parametrize(
    ("method", "batch_size"),
    [
        ("ce-gzsl", 512),  # few steps: Adam makes whole ones of a gradient that is nothing but rounding
        ("f-clswgan", 64),
    ],
)
def test_the_records_are_those_of_the_seeds_one_after_another(run, method, batch_size):
    asked = ("--epochs", "2", "--set", f"batch_size={batch_size}")
    alone = records_of(run(*asked, folder="alone", method=method))
    clock = time.perf_counter()
    records = records_of(run(*asked, "--together", method=method))
    elapsed = time.perf_counter() - clock
    assert_alike(records, alone)
    assert together(records) == [3, 3, 3] and together(alone) == [1, 1, 1]
    assert sum(record["run"]["seconds_train"] for record in records) < elapsed  # each has its share


def test_each_seed_chooses_on_the_validation_classes_and_trains_again(run, tmp_path):
    asked = ("--select", "val", "--eval-every", "2")
    alone = records_of(run(*asked, folder="alone"))
    records = records_of(run("--together", *asked))
    assert_alike(records, alone)
    assert together(records) == [3, 3, 3]
    for record, own in zip(records, alone, strict=True):
        assert record["validation"]["epoch"] == own["validation"]["epoch"]
        assert record["validation"]["AUSUC"] == pytest.approx(own["validation"]["AUSUC"], abs=POINTS)

    for folder in ("apart", "at once"):  # as if interrupted after they chose: they end at different times
        for record, epochs in zip(records, (2, 5, 3), strict=True):
            path = tmp_path / folder / record["id"] / "validation.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({**record["validation"], "epoch": epochs, "seconds": [1.0, 1.0]}))
    alone = records_of(run(*asked, folder="apart"))
    records = records_of(run("--together", *asked, folder="at once"))
    assert [record["metrics"]["val"]["epoch"] for record in records] == [2, 5, 3]
    assert_alike(records, alone)


def test_one_seed_together_is_an_ordinary_run_to_the_bit(run):
    ((one,), (other,)) = (
        records_of(run(*extra, folder=folder, seeds=("--seed", "1")))
        for extra, folder in ((("--together",), "together"), ((), "alone"))
    )
    assert together([one]) == [1]
    assert one.pop("run") != other.pop("run") and one == other


def test_finished_seeds_are_not_run_again_and_a_seed_named_twice_runs_once(run, tmp_path):
    (first,) = records_of(run(seeds=("--seed", "2")))
    records = records_of(run("--together", seeds=(*SEEDS, "--seed", "1")))
    assert [record["cell"]["seed"] for record in records] == [1, 2, 3, 1]
    assert records[1] == first and records[0] == records[3]
    assert together(records) == [2, 1, 2, 2]
    assert records_of(run("--together")) == records[:3]
    again = records_of(run("--together", "--rerun"))
    assert together(again) == [3, 3, 3]
    assert not list(tmp_path.glob("results/*/previous"))


def test_a_seed_that_diverges_leaves_the_others_who_go_on(run, tmp_path, monkeypatch):
    def build(spec, view, params, seed):
        method = build_method(spec, view, params, seed)
        if seed == 2:
            with torch.no_grad():
                method.modules["critic"].out.weight.fill_(1e38)
        return method

    alone = records_of(run(folder="alone"))
    monkeypatch.setattr("gzslbench.runs.leg.build_method", build)
    records = records_of(run("--together"), status=1)
    assert [record["status"] for record in records] == ["complete", "diverged", "complete"]
    assert records[1]["failure"]["epoch"] == 1
    assert_alike([records[0], records[2]], [alone[0], alone[2]])
    assert len(list(Store(tmp_path / "results").records())) == 3


@pytest.mark.parametrize("resumed", [("--together",), ()])
def test_ctrl_c_saves_every_seed_and_each_goes_on(run, interrupted, tmp_path, resumed):
    whole = records_of(run("--together", folder="whole"))
    stopped = interrupted("--together", after=ITERATIONS["classifier"] + 40)
    assert stopped.exit_code == 130
    assert stopped.output.count("stopped as asked") == 3 and "--resume" in stopped.output
    assert len(list(tmp_path.glob("results/*/checkpoint-final.pt"))) == 3
    assert run("--together").exit_code == 2  # in the way

    records = records_of(run("--resume", *resumed))
    assert_alike(records, whole)
    assert together(records) == [3, 3, 3]  # also of those that went on alone
    for record, own in zip(records, whole, strict=True):
        one, other = (tmp_path / folder / own["id"] / "metrics.jsonl" for folder in ("results", "whole"))
        told = [[json.loads(line) for line in file.read_text().splitlines()] for file in (one, other)]
        assert [line["epoch"] for line in told[0]] == [line["epoch"] for line in told[1]]
        assert record["run"]["seconds_train"] > 0


def test_a_stop_that_comes_too_late_keeps_the_records(run, tmp_path):
    class Impatient:
        stopped = False

        @hookimpl
        def gzslbench_epoch_end(self, metrics):
            if (metrics["stage"], metrics["epoch"]) == ("game", 6) and not self.stopped:
                self.stopped = True
                os.kill(os.getpid(), signal.SIGINT)

    plugins().manager.register(Impatient(), "impatient")
    try:
        assert run("--together").exit_code == 130
    finally:
        plugins().manager.unregister(name="impatient")
    assert len(list(Store(tmp_path / "results").records())) == 3


def begun_at(results):
    """By seed, the iteration that the last leg began at."""
    return {
        file.parent.name.split("-")[3]: re.findall(r"begins at iteration (\d+)", file.read_text())[-1]
        for file in results.glob("*/log.txt")
    }


def test_a_seed_that_fails_leaves_the_others_who_go_on_from_where_they_were(run, tmp_path, monkeypatch):
    whole = records_of(run("--together", folder="whole"))
    evaluate = Evaluator.evaluate

    def fail(evaluator, method, epoch, seed, *arguments):
        if (seed, epoch) == (2, 4):
            raise RuntimeError("a plugin is broken")
        return evaluate(evaluator, method, epoch, seed, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "evaluate", fail)
        outcome = run("--together", "--checkpoint-every", "0", fails=True)
    assert type(outcome.exception) is RuntimeError and str(outcome.exception) == "a plugin is broken"
    saved = list(tmp_path.glob("results/*/checkpoint-final.pt"))
    assert len(saved) == 2 and all(f"--resume: {path}" in outcome.output for path in saved)

    records = records_of(run("--together", "--resume"))
    at = str(ITERATIONS["classifier"] + 4 * ITERATIONS["game"] // 6)
    assert begun_at(tmp_path / "results") == {"s1": at, "s2": "0", "s3": at}
    assert_alike(records, whole)
    for own in whole:
        one, other = (tmp_path / folder / own["id"] / "metrics.jsonl" for folder in ("results", "whole"))
        told = [[json.loads(line) for line in file.read_text().splitlines()] for file in (one, other)]
        for line, undisturbed in zip(*told, strict=True):
            assert line["epoch"] == undisturbed["epoch"]
            assert line["losses"] == pytest.approx(undisturbed["losses"], rel=0.01, abs=0.001)


def test_a_seed_that_fails_where_another_is_through_leaves_that_one_saved(run, tmp_path, monkeypatch):
    evaluate, ended = Evaluator.evaluate, []

    def fail(evaluator, method, epoch, seed, *arguments):
        if (seed, epoch) == (3, 6):
            raise RuntimeError("a plugin is broken")
        ended.append((seed, epoch))
        return evaluate(evaluator, method, epoch, seed, *arguments)

    monkeypatch.setattr(Evaluator, "evaluate", fail)
    assert "--resume" in run("--together", fails=True).output
    assert (1, 6) in ended and (2, 6) in ended
    monkeypatch.setattr(Evaluator, "evaluate", evaluate)
    records_of(run("--together", "--resume"))
    at = str(sum(ITERATIONS.values()))
    assert begun_at(tmp_path / "results") == {"s1": at, "s2": at, "s3": "0"}


def test_a_step_that_fails_saves_no_seed_of_it_and_the_error_goes_on(run, tmp_path, monkeypatch):
    step, left = JointStep.__call__, iter(range(50))

    def fail(*arguments):
        if next(left, None) is None:
            raise RuntimeError("a loss is broken")
        return step(*arguments)

    monkeypatch.setattr(JointStep, "__call__", fail)
    with pytest.raises(RuntimeError, match="a loss is broken"):
        run("--together", "--checkpoint-every", "0")
    assert not list(tmp_path.glob("results/*/checkpoint-final.pt"))


def test_a_seed_that_cannot_be_saved_keeps_no_other_from_it(run, interrupted, tmp_path, monkeypatch):
    def save(path, *arguments):
        if "-s1-" in str(path):
            raise CheckpointError("the disk is full", where=path)
        save_checkpoint(path, *arguments)

    monkeypatch.setattr("gzslbench.runs.leg.save_checkpoint", save)
    stopped = interrupted("--together", after=ITERATIONS["classifier"] + 40)
    assert stopped.exit_code == 2 and "the disk is full" in stopped.output
    saved = list(tmp_path.glob("results/*/checkpoint-final.pt"))
    assert len(saved) == 2 and all(f"--resume: {path}" in stopped.output for path in saved)


def test_a_rerun_of_a_method_that_cannot_train_together_leaves_the_records(run, tmp_path, monkeypatch):
    run()
    before = {file: file.read_bytes() for file in tmp_path.glob("results/*/*") if file.name != "lock"}
    monkeypatch.setattr("gzslbench.training.rehearsal.Rehearsal.equals", lambda *_: False)
    outcome = run("--together", "--rerun")
    assert outcome.exit_code == 2 and "cannot train several seeds together" in outcome.output
    assert {f: f.read_bytes() for f in tmp_path.glob("results/*/*") if f.name != "lock"} == before


@pytest.mark.parametrize("after", [ITERATIONS["classifier"] // 2, ITERATIONS["classifier"] + 25])
def test_a_seed_that_is_ahead_trains_beside_the_others_or_waits_for_them(run, interrupted, after):
    alone = records_of(run(folder="alone"))
    assert interrupted(after=after, seeds=("--seed", "2")).exit_code == 130
    assert_alike(records_of(run("--together", "--resume")), alone)


def test_the_networks_are_stepped_as_one_and_part(run, monkeypatch):
    sizes, parted = [], []
    train, release = SeedGroup.train, SeedGroup.release

    def counted(group, *arguments):
        sizes.append(len(group.runs))
        return train(group, *arguments)

    monkeypatch.setattr(SeedGroup, "train", counted)
    monkeypatch.setattr(SeedGroup, "release", lambda group: parted.append(release(group)))
    run("--together")
    assert sizes == [3] * (3 + 6) and len(parted) == 2


def test_running_out_of_memory_says_to_leave_out_together(run, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("gzslbench.training.joint_step.JointStep.__call__", fail)
    outcome = run("--together")
    assert outcome.exit_code == 2
    assert "memory ran out" in outcome.output and "leave out --together" in outcome.output


def test_a_seed_that_runs_elsewhere_keeps_all_from_beginning(run, tmp_path):
    (record, *_) = records_of(run("--together"))
    with Store(tmp_path / "results").run(record["id"]).lock():
        outcome = run("--together", "--rerun")
    assert outcome.exit_code == 2 and "is running already" in outcome.output
    assert len(list(Store(tmp_path / "results").records())) == 3
    assert not list(tmp_path.glob("results/*/previous"))


def test_the_seeds_tell_of_their_epochs_by_name(run):
    outcome = run("--together")
    for seed in (1, 2, 3):
        assert f"seed {seed} final: " in outcome.stderr
        assert f"seed {seed} final game epoch 6" in outcome.stderr
