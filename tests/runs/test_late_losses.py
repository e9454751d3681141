"""Runs whose losses reach the host only when somebody waits for them, as on CUDA."""

import json
import time

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.runs.fit import FitRun
from gzslbench.training import stage_run
from gzslbench.training.interruption import Interruption
from gzslbench.training.stage_run import EpochLosses


@pytest.fixture
def run(arguments, tmp_path):
    def run(name, *extra):
        results = tmp_path / name
        asked = arguments("--results", str(results), "--json", *extra, method="f-clswgan")
        outcome = CliRunner().invoke(main, asked)
        (folder,) = [each for each in results.iterdir() if each.is_dir()]
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return outcome, json.loads(outcome.stdout), lines

    return run


class Copied:
    """The event of a copy that is there only once somebody waits for it."""

    def query(self):
        return False

    def synchronize(self):
        """Nothing; on CUDA the host stands still meanwhile."""


@pytest.fixture
def late(monkeypatch):
    monkeypatch.setattr(stage_run, "_copy_to_host", lambda values: (values, Copied()))


@pytest.fixture
def waited_for(late, monkeypatch):
    """Epochs whose losses were asked for, in order."""
    asked, means = [], EpochLosses.means

    def counted(losses):
        asked.append((losses.stage, losses.epoch))
        return means(losses)

    monkeypatch.setattr(EpochLosses, "means", counted)
    return asked


@pytest.fixture
def diverging(late, monkeypatch):
    """From its third epoch on the game has losses that are no numbers."""
    sent = stage_run.EpochLosses.__init__

    def broken(losses, sums, steps, stage, epoch):
        sent(losses, sums, steps, stage, epoch)
        if (stage, epoch >= 3) == ("game", True):
            losses._values.fill_(float("nan"))

    monkeypatch.setattr(EpochLosses, "__init__", broken)


@pytest.mark.parametrize("checkpoints", ["1", "3", "0"])
def test_every_epoch_is_reported_in_order_and_with_the_same_numbers(run, late, monkeypatch, checkpoints):
    outcome, record, lines = run("late", "--checkpoint-every", checkpoints)
    assert outcome.exit_code == 0
    assert [(line["stage"], line["epoch"]) for line in lines] == [
        *(("classifier", epoch) for epoch in (1, 2)),
        *(("game", epoch) for epoch in range(1, 5)),
    ]
    assert [line["epoch"] for line in lines if "metrics" in line] == [2, 4]
    monkeypatch.undo()
    _, at_once, lines_at_once = run("at-once", "--checkpoint-every", checkpoints)
    assert lines == lines_at_once
    assert record["metrics"] == at_once["metrics"]


def test_until_an_evaluation_nobody_waits(run, waited_for, monkeypatch):
    waited, end_epoch = [], FitRun.end_epoch

    def watched(fit, end):
        end_epoch(fit, end)
        waited.append(len(waited_for))

    monkeypatch.setattr(FitRun, "end_epoch", watched)
    run("late", "--checkpoint-every", "0")
    assert waited[:3] == [0, 0, 0]  # the classifier's two epochs, the game's first
    assert waited[3] > 0


def test_a_divergence_that_arrives_late_names_its_own_epoch(run, diverging):
    outcome, record, lines = run("late", "--checkpoint-every", "0")
    assert outcome.exit_code == 1
    assert record["status"] == "diverged"
    assert (record["failure"]["stage"], record["failure"]["epoch"]) == ("game", 3)
    assert [line["epoch"] for line in lines][-2:] == [1, 2]


def test_an_interruption_reports_the_epochs_before_a_divergence_and_names_the_first(
    arguments, tmp_path, diverging, monkeypatch
):
    asked, called = [], Interruption.__call__

    def stop(interruption):
        asked.append(None)
        return len(asked) > 2 * 12 + 3 * 3 + 1 or called(interruption)  # within the game's fourth epoch

    monkeypatch.setattr(Interruption, "__call__", stop)
    command = ("--results", str(tmp_path / "stopped"), "--checkpoint-every", "0", "--eval-every", "0")
    CliRunner().invoke(main, arguments(*command, method="f-clswgan"))
    (folder,) = [path for path in (tmp_path / "stopped").iterdir() if path.is_dir()]
    record = json.loads((folder / "record.json").read_text())
    assert (record["status"], record["failure"]["epoch"]) == ("diverged", 3)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if line["stage"] == "game"] == [1, 2]


def test_to_wait_for_losses_is_to_train_and_a_record_of_a_divergence_counts_it_too(
    run, late, diverging, monkeypatch
):
    monkeypatch.setattr(Copied, "synchronize", lambda _: time.sleep(0.2))
    _, record, _ = run("late", "--checkpoint-every", "0")
    assert record["status"] == "diverged"
    assert record["run"]["seconds_train"] > 4 * 0.2
