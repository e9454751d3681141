"""gzslbench run, in this process."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.data.validation import validation_dataset
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.evaluation.selection import RULES
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.store import Store
from gzslbench.training.interruption import Interruption
from gzslbench.training.optimization import PhaseOptimizer
from gzslbench_methods.ce_gzsl import pairs
from gzslbench_methods.ce_gzsl.method import CeGzsl


@pytest.fixture
def run(arguments, results):
    def invoke(*extra, **settings):
        outcome = CliRunner().invoke(main, arguments("--results", str(results), *extra, **settings))
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return invoke


def record_of(outcome):
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(outcome.stdout)
    record.pop("run")
    return record


@pytest.mark.parametrize("method", ["ce-gzsl", "f-clswgan"])
def test_a_run_leaves_a_record_whose_numbers_its_predictions_give_again(run, results, method):
    outcome = run(method=method)
    assert outcome.exit_code == 0
    for name in ("AUSUC", "test-peek-inner", "gzslbench show"):
        assert name in outcome.output
    (record,) = [folder.record() for folder in Store(results).runs()]
    folder = Store(results).run(record.id)
    again = metrics_of(load_predictions(folder.predictions_file)).as_dict()
    assert record.metrics["last"].as_dict() == again
    names = {"record.json", "metrics.jsonl", "predictions.npz", "checkpoint-final.pt", "log.txt"}
    assert names <= {path.name for path in folder.path.iterdir()}


def test_the_same_seed_gives_the_same_record_to_the_bit_and_another_seed_another(run):
    first = record_of(run("--json"))
    again = record_of(run("--json", "--rerun"))
    other = record_of(run("--json", "--seed", "5"))
    assert first == again
    assert first["metrics"] != other["metrics"]


def test_a_finished_run_is_not_run_again_without_rerun(run, results):
    run()
    (record_file,) = results.glob("*/record.json")
    before = record_file.read_bytes()
    assert run().exit_code == 0
    assert record_file.read_bytes() == before
    run("--rerun")
    assert record_file.read_bytes() != before  # its times are new


def test_evaluating_more_often_leaves_training_and_the_last_metrics_unchanged(run, results):
    often = record_of(run("--json", "--eval-every", "1"))
    seldom = record_of(run("--json", "--eval-every", "0"))
    assert often["metrics"]["last"] == seldom["metrics"]["last"]
    losses = [
        [json.loads(line)["losses"] for line in file.read_text().splitlines()]
        for file in results.glob("*/metrics.jsonl")
    ]
    assert losses[0] == losses[1]


def test_peeks_are_listed_apart_and_never_below_the_last_epoch(run):
    metrics = record_of(run("--json", "--eval-every", "1"))["metrics"]
    assert set(metrics) == {"last", *(rule for rule in RULES if rule.startswith("test-peek"))}
    assert metrics["last"]["H"] <= metrics["test-peek-gamma"]["H"]
    assert metrics["last"]["AUSUC"] == metrics["test-peek-gamma"]["AUSUC"]
    assert metrics["last"]["epoch"] == metrics["test-peek-inner"]["epoch"] == 4
    assert metrics["last"]["H"] <= metrics["test-peek-inner"]["H"] <= metrics["test-peek"]["H"]
    assert metrics["last"]["H"] <= metrics["test-peek-outer"]["H"] <= metrics["test-peek"]["H"]


def test_select_val_tests_once_at_the_epochs_the_validation_classes_chose(run, results):
    record = record_of(run("--json", "--select", "val", "--eval-every", "1"))
    assert set(record["metrics"]) == {"val", "test-peek-gamma"}
    chosen, reported = record["validation"], record["metrics"]["val"]
    assert (chosen["epoch"], chosen["head_epoch"]) == (reported["epoch"], reported["head_epoch"])
    (file,) = results.glob("*/metrics.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    validation = [line["metrics"]["H"] for line in lines if line["leg"] == "validation"]
    tests = [line["epoch"] for line in lines if line["leg"] == "final" and "metrics" in line]
    assert len(validation) == 4 and tests == [chosen["epoch"]]
    assert chosen["H"] >= max(validation)


def test_the_validation_split_is_part_of_the_cell(run, monkeypatch):
    first = json.loads(run("--dry-run", "--json", "--select", "val").stdout)
    assert first["validation"] and json.loads(run("--dry-run", "--json").stdout)["validation"] is None
    monkeypatch.setattr(
        "gzslbench.data.validation.validation_dataset", partial(validation_dataset, holdout=0.3)
    )
    assert json.loads(run("--dry-run", "--json", "--select", "val").stdout)["id"] != first["id"]


def test_shuffled_semantics_keep_the_preset_of_their_own(tmp_path):
    write_synthetic_folder("CUB", tmp_path / "CUB", scale=0.01)
    asked = ["run", "--method", "ce-gzsl", "--dataset", "CUB", "--semantics", "sent", "--data", str(tmp_path)]
    shuffled = CliRunner().invoke(main, [*asked, "--shuffle-semantics", "1", "--dry-run", "--json"])
    assert json.loads(shuffled.stdout)["params"]["nz"] == 1024


def test_a_stop_that_comes_too_late_for_a_run_keeps_its_record_and_stops_the_next(run, results):
    class Impatient:
        @hookimpl
        def gzslbench_epoch_end(self, metrics):
            if metrics["epoch"] == 4:
                os.kill(os.getpid(), signal.SIGINT)

    plugins().manager.register(Impatient(), "impatient")
    try:
        outcome = run("--seed", "1", "--seed", "2")
    finally:
        plugins().manager.unregister(name="impatient")
    assert outcome.exit_code == 130
    assert [folder.record().cell.seed for folder in Store(results).runs()] == [1]


@pytest.mark.parametrize(
    "shortage",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_names_what_to_lower(run, monkeypatch, shortage):
    def fail(*_, **__):
        raise shortage

    monkeypatch.setattr("gzslbench.training.optimization.PhaseOptimizer.step", fail)
    outcome = run()
    assert outcome.exit_code == 2
    assert "batch_size" in outcome.output and "memory ran out" in outcome.output


def failing_after(steps):
    """A step that fails after so many."""
    step, left = PhaseOptimizer.step, iter(range(steps))

    def fail(optimizer, batch):
        if next(left, None) is None:
            raise RuntimeError("the method is broken")
        return step(optimizer, batch)

    return fail


def test_a_rerun_that_fails_before_its_first_epoch_leaves_everything_as_it_was(run, results, monkeypatch):
    run()
    before = {file: file.read_bytes() for file in results.glob("*/*") if file.name != "lock"}
    monkeypatch.setattr(PhaseOptimizer, "step", failing_after(1))
    with pytest.raises(RuntimeError, match="broken"):
        run("--rerun")
    assert {file: file.read_bytes() for file in results.glob("*/*") if file.name != "lock"} == before


def test_a_finished_run_outlives_reruns_that_fail(run, results, monkeypatch):
    run()
    (record,) = results.glob("*/record.json")
    before = record.read_bytes()
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(PhaseOptimizer, "step", failing_after(15))
            with pytest.raises(RuntimeError, match="broken"):
                run("--rerun")
        assert record.with_name("metrics.jsonl").exists() and not record.exists()
        assert (record.parent / "previous" / "record.json").read_bytes() == before
    assert run("--rerun").exit_code == 0
    assert record.exists() and not (record.parent / "previous").exists()


def test_an_earlier_run_that_a_kill_left_goes_with_the_next_call(run, results):
    run()
    (record,) = results.glob("*/record.json")
    before = record.read_bytes()
    (record.parent / "previous").mkdir()
    (record.parent / "previous" / "record.json").write_text("earlier")
    run()
    assert record.read_bytes() == before and not (record.parent / "previous").exists()


def test_several_seeds_make_several_records(run, results):
    outcome = run("--json", "--seed", "1", "--seed", "2")
    seeds = [json.loads(line)["cell"]["seed"] for line in outcome.stdout.splitlines()]
    assert seeds == [1, 2]
    assert len(Store(results).runs()) == 2


def test_a_dry_run_prints_the_configuration_and_writes_nothing(run, results):
    outcome = run("--dry-run")
    for part in ("digits/pixels/strokes/fixed-", "syn_num", "would run", "variant"):
        assert part in outcome.output
    assert not results.exists()
    cell = json.loads(run("--dry-run", "--json").stdout)
    assert cell["params"]["syn_num"] == 20 and cell["state"] == "would run"


def test_shuffled_semantics_are_another_task(run):
    plain = json.loads(run("--dry-run", "--json").stdout)
    shuffled = json.loads(run("--dry-run", "--json", "--shuffle-semantics", "1").stdout)
    assert plain["task"] != shuffled["task"] and "shuffled" in shuffled["task"]


def test_a_run_that_diverges_is_recorded_as_such_and_exits_1(run, results):
    outcome = run("--set", "lr=1e30")
    assert outcome.exit_code == 1
    (record,) = [folder.record() for folder in Store(results).runs()]
    assert record.status == "diverged" and record.metrics == {}
    assert record.failure.epoch >= 1 and record.failure.term


@pytest.mark.parametrize("method", ["ce-gzsl", "f-clswgan"])
def test_deterministic_algorithms_give_the_same_numbers_on_the_cpu(run, method):
    plain, strict = (record_of(run("--json", *extra, method=method)) for extra in ((), ("--deterministic",)))
    assert plain["metrics"] == strict["metrics"]


def test_bf16_is_another_run_with_other_numbers(run):
    plain, half = record_of(run("--json")), record_of(run("--json", "--precision", "bf16"))
    assert plain["id"] != half["id"]
    assert plain["metrics"] != half["metrics"]
    assert np.isfinite(half["metrics"]["last"]["H"])


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (("--method", "cegzsl"), "did you mean 'ce-gzsl'"),
        (("--dataset", "digit"), "did you mean 'digits'"),
        (("--set", "syn_nun=3"), "did you mean 'syn_num'"),
        (("--set", "syn_num=three"), "takes int"),
        (("--set", "syn_num=0"), ">= 1"),
        (("--set", "variant=faithful"), "reference | clean"),
        (("--set", "lr"), "name=value"),
        (("--device", "abacus"), "unknown device 'abacus'"),
        (("--precision", "tf32"), "fp32"),
    ],
)
def test_what_cannot_be_resolved_ends_in_advice_and_writes_nothing(run, results, extra, words):
    outcome = run(*extra)
    assert outcome.exit_code == 2
    assert words in outcome.output
    assert not results.exists()


def test_a_file_in_place_of_the_results_folder_ends_in_advice(run, results):
    results.write_text("precious")
    outcome = run()
    assert outcome.exit_code == 2 and "--results" in outcome.output
    assert results.read_text() == "precious"


class Listener:
    def __init__(self):
        self.heard = []

    @hookimpl
    def gzslbench_run_start(self, run):
        self.heard.append(("start", run.method))

    @hookimpl
    def gzslbench_epoch_end(self, metrics):
        self.heard.append(("epoch", metrics["epoch"]))
        if metrics["epoch"] == 2:
            raise RuntimeError("the tracker's server is gone")

    @hookimpl
    def gzslbench_run_end(self, record):
        self.heard.append(("end", record.status))


def test_plugins_receive_the_run_and_one_that_fails_does_not_stop_it(run):
    listener = Listener()
    plugins().manager.register(listener, "listener")
    try:
        outcome = run()
    finally:
        plugins().manager.unregister(name="listener")
        plugins().errors.pop("listener", None)
    assert outcome.exit_code == 0
    assert "warning: plugin 'listener' missed something" in outcome.output
    assert "the tracker's server is gone" in outcome.output
    assert listener.heard == [("start", "ce-gzsl"), *(("epoch", i) for i in range(1, 5)), ("end", "complete")]


def test_a_record_says_how_its_class_scores_were_computed_and_what_shrank(run, monkeypatch):
    monkeypatch.setattr(pairs, "MIN_COMPILED_UNITS", 1)
    monkeypatch.setenv("GZSLBENCH_COMPILE", "0")
    pairs.compilation.cache_clear()
    embed, chunk = CeGzsl.embed, 500

    def short(method, features):
        if len(features) > chunk:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return embed(method, features)

    monkeypatch.setattr(CeGzsl, "embed", short)
    outcome = run("--json")
    pairs.compilation.cache_clear()
    assert json.loads(outcome.stdout)["run"]["computed"] == {
        "class scores": "plain: GZSLBENCH_COMPILE=0",
        "rows evaluated at once": "256, because memory ran out",
    }


def test_a_record_of_a_run_without_such_a_choice_lists_none(run):
    assert json.loads(run("--json", method="f-clswgan").stdout)["run"]["computed"] == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["ce-gzsl", "f-clswgan"])
def test_on_cuda_a_run_resumed_within_an_epoch_has_the_record_of_one_undisturbed(
    run, arguments, tmp_path, monkeypatch, method
):
    asked = ("--json", "--device", "cuda", "--deterministic", "--checkpoint-every", "0")
    whole = record_of(run(*asked, method=method))
    calls = iter(range(10))  # so many iterations
    stopped = ["--results", str(tmp_path / "stopped")]
    with monkeypatch.context() as patch:
        patch.setattr(Interruption, "__call__", lambda _: next(calls, None) is None)
        outcome = CliRunner().invoke(main, arguments(*asked, *stopped, method=method))
    assert outcome.exit_code == 130
    assert (
        record_of(CliRunner().invoke(main, arguments(*asked, *stopped, "--resume", method=method))) == whole
    )
