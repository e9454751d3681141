"""gzslbench run --together: every record is that of the seed alone, up to rounding."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
import torch
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.hooks import hookimpl
from gzslbench.plugins import plugins
from gzslbench.results.store import Store
from gzslbench.training.construction import build_method
from gzslbench.training.interruption import Interruption
from gzslbench.training.together import SeedGroup

POINTS = 1.0
"""Of each metric, in percent: a few test rows that lie on the border of two classes."""
ITERATIONS = {"classifier": 3 * 12, "game": 6 * 18}
"""Of each stage of f-CLSWGAN, at the settings of these tests."""
SEEDS = ("--seed", "1", "--seed", "2", "--seed", "3")


@pytest.fixture
def run(arguments, tmp_path):
    """A run of seeds 1, 2 and 3, unless told otherwise, in a results folder of the given name."""

    def invoke(*extra, folder="results", seeds=SEEDS, method="f-clswgan"):
        asked = arguments("--json", "--results", str(tmp_path / folder), *seeds, *extra, method=method)
        outcome = CliRunner().invoke(main, asked)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
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


@pytest.mark.parametrize("method", ["ce-gzsl", "f-clswgan"])
def test_the_records_are_those_of_the_seeds_one_after_another(run, method):
    alone = records_of(run("--epochs", "2", folder="alone", method=method))
    clock = time.perf_counter()
    records = records_of(run("--epochs", "2", "--together", method=method))
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
    monkeypatch.setattr("gzslbench.execution.leg.build_method", build)
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
