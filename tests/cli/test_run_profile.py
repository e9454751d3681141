"""``gzslbench run --profile`` on digits."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections import Counter

import pytest
import torch

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugins

SMALL = ("ngh=16", "ndh=16", "syn_num=40", "nz=4", "critic_iter=2", "zsl_epochs=1", "head_epochs=2")
EMBEDDING = ("embed_size=16", "outz_size=8", "nhF=8")
OWN = {"ce-gzsl": EMBEDDING, "f-clswgan": ("pretrain_epochs=2",)}


@pytest.fixture
def run(invoke):
    """A run of 5 iterations per epoch that is evaluated at the end."""

    def call(*extra, method="f-clswgan", epochs=3):
        settings = [part for item in (*SMALL, *OWN[method], "batch_size=256") for part in ("--set", item)]
        command = ["--method", method, "--dataset", "digits", "--device", "cpu", "--epochs", str(epochs)]
        return invoke("run", *command, *settings, "--eval-every", "0", *extra)

    return call


def traces(folder):
    return sorted(path for path in folder.glob("results/*/*") if "trace" in path.name)


def events(path):
    return json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]


def spans(path):
    names = (event["name"] for event in events(path) if event.get("cat") == "user_annotation")
    return [name.removeprefix("gzslbench/") for name in names if name.startswith("gzslbench/")]


def numbers(outcome):
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(outcome.stdout)
    record.pop("run")
    return record


@pytest.mark.parametrize("method", [pytest.param("ce-gzsl", marks=pytest.mark.acceptance), "f-clswgan"])
def test_the_record_is_the_one_without_profile_and_the_trace_has_each_span(run, tmp_path, method) -> None:
    plain = numbers(run("--json", method=method))
    outcome = run("--profile", "--rerun", method=method)
    (trace,) = traces(tmp_path)
    assert trace.parent.name == plain["id"]
    record = json.loads((trace.parent / "record.json").read_text())
    assert {**record, "run": None} == {**plain, "run": None}
    counted = Counter(spans(trace))
    assert counted["iteration"] == counted["generator"] == 10 and counted["critic"] == 20
    assert counted["evaluation"] == counted["zsl head"] == 1
    assert counted["head"] == counted["scoring"] == counted["metrics"] == 2
    assert {"batch", "embedding", "synthesis"} <= set(counted)
    assert "classifier" not in counted  # of the stage before

    text = outcome.stdout
    rows = {line.split()[0]: line.split()[1:] for line in reversed(text.splitlines()) if line.strip()}
    assert rows["gzslbench/iteration"][-1] == "10" and rows["gzslbench/evaluation"][-1] == "1"
    assert any(name.startswith("aten::") for name in rows)
    assert trace.name in text and "approximate" in text and "AUSUC" in text


@pytest.mark.acceptance
def test_several_seeds_leave_a_trace_each_and_standard_output_to_the_records(run, tmp_path) -> None:
    outcome = run("--json", "--profile", "--seed", "1", "--seed", "2", epochs=1)
    ids = [json.loads(line)["id"] for line in outcome.stdout.splitlines()]
    assert len(ids) == 2 and [path.parent.name for path in traces(tmp_path)] == sorted(ids)
    assert outcome.stderr.count("trace: ") == 2
    assert not torch.autograd._profiler_enabled()


def test_a_finished_run_is_not_profiled_and_the_message_says_how_to(run, tmp_path) -> None:
    run()
    outcome = run("--profile")
    assert outcome.exit_code == 0 and "nothing to profile" in outcome.stderr and "--rerun" in outcome.stderr
    assert traces(tmp_path) == []


def test_a_run_that_diverges_leaves_no_trace_and_says_so(run, tmp_path) -> None:
    outcome = run("--profile", "--set", "lr=1e30")
    assert outcome.exit_code == 1 and "before its first evaluation" in outcome.stderr
    assert traces(tmp_path) == [] and not torch.autograd._profiler_enabled()


class Impatient:
    """Asks to stop at the end of epoch 2: five iterations before the end, within the window."""

    @hookimpl
    def gzslbench_epoch_end(self, metrics):
        if metrics["stage"] == "game" and metrics["epoch"] == 2:
            assert torch.autograd._profiler_enabled()
            os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_within_the_window_and_resumed_it_has_the_same_record_and_a_trace(run, tmp_path) -> None:
    whole = numbers(run("--json", "--results", "whole"))
    plugins().manager.register(Impatient(), "impatient")
    try:
        outcome = run("--json", "--profile")
    finally:
        plugins().manager.unregister(name="impatient")
    assert outcome.exit_code == 130 and "--resume" in outcome.stderr
    assert traces(tmp_path) == [] and not torch.autograd._profiler_enabled()
    assert numbers(run("--json", "--profile", "--resume")) == whole
    (trace,) = traces(tmp_path)
    assert spans(trace).count("iteration") == 1  # of the five that were left; the others warm up


def test_the_choice_on_validation_classes_is_what_is_profiled(run, tmp_path) -> None:
    outcome = run("--json", "--profile", "--select", "val", epochs=1)
    assert outcome.exit_code == 0, outcome.output
    (trace,) = traces(tmp_path)
    assert spans(trace).count("evaluation") == 1
