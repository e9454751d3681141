"""Runs whose losses reach the host only when somebody waits for them, as on CUDA."""

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.execution.leg import LegRun
from gzslbench.training.epoch_losses import EpochLosses


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


@pytest.fixture
def waited_for(monkeypatch):
    """Epochs whose losses were asked for, in order; none arrives by itself."""
    asked, means = [], EpochLosses.means

    def counted(losses):
        asked.append((losses.stage, losses.epoch))
        return means(losses)

    monkeypatch.setattr(EpochLosses, "arrived", property(lambda _: False))
    monkeypatch.setattr(EpochLosses, "means", counted)
    return asked


@pytest.mark.parametrize("checkpoints", ["1", "3", "0"])
def test_every_epoch_is_told_in_order_and_with_the_numbers_it_would_have_had(run, waited_for, checkpoints):
    late, record, lines = run("late", "--checkpoint-every", checkpoints)
    assert late.exit_code == 0
    assert [(line["stage"], line["epoch"]) for line in lines] == [
        *(("classifier", epoch) for epoch in (1, 2, 3)),
        *(("game", epoch) for epoch in range(1, 7)),
    ]
    assert [line["epoch"] for line in lines if "metrics" in line] == [2, 4, 6]
    waited_for.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochLosses, "arrived", property(lambda _: True))
        _, at_once, lines_at_once = run("at-once", "--checkpoint-every", checkpoints)
    assert lines == lines_at_once
    assert record["metrics"] == at_once["metrics"]


def test_until_an_evaluation_nobody_waits(run, waited_for, monkeypatch):
    waited, end_epoch = [], LegRun.end_epoch

    def watched(leg, end):
        end_epoch(leg, end)
        waited.append(len(waited_for))

    monkeypatch.setattr(LegRun, "end_epoch", watched)
    run("late", "--checkpoint-every", "0")
    assert waited[:4] == [0, 0, 0, 0]  # the classifier's three epochs, the game's first
    assert waited[4] > 0


def test_a_divergence_that_arrives_late_names_its_own_epoch(run, waited_for, monkeypatch):
    means = EpochLosses.means

    def broken(losses):
        if (losses.stage, losses.epoch) == ("game", 3):
            losses._values.fill_(float("nan"))
        return means(losses)

    monkeypatch.setattr(EpochLosses, "means", broken)
    outcome, record, lines = run("late", "--checkpoint-every", "0")
    assert outcome.exit_code == 1
    assert record["status"] == "diverged"
    assert (record["failure"]["stage"], record["failure"]["epoch"]) == ("game", 3)
    assert lines[-1]["epoch"] == 2
