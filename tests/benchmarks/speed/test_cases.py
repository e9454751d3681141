"""Every case at tiny shapes, through the program itself."""

from __future__ import annotations

import json
import math
import pkgutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.prepare.extract.loading import Pooled
from gzslbench.report.printing import make_console
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench_benchmarks.speed import cases, contest, memory_probe
from gzslbench_benchmarks.speed.__main__ import speed
from gzslbench_benchmarks.speed.cases import (
    CASES,
    extraction,
    f_clswgan,
    growth,
    iteration,
    peak_memory,
    startup,
    store,
    sweep,
    training,
)
from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.shapes import FLO_LITE0, SHAPES
from gzslbench_benchmarks.speed.table import report

pytestmark = pytest.mark.usefixtures("threads")


def tiny_network():
    network = torch.nn.Conv2d(3, 4, kernel_size=16, stride=16)
    return Pooled(network, network, "mean")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Rounds are short, networks tiny, and a command runs once and in this process."""
    done = set()

    def run(*arguments):
        words = [str(word) for word in arguments if word not in ("-m", "gzslbench")]
        if "--results" in words:
            Path(words[-1]).mkdir(exist_ok=True)  # the case deletes it
        command = tuple(word for word in words if "results-" not in word)
        if command not in done and words[0] != "-c":
            done.add(command)
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output

    monkeypatch.setattr(store, "_run", run)
    monkeypatch.setattr(sweep, "_run", run)
    monkeypatch.setattr(sweep, "OPEN", "pass")
    monkeypatch.setattr(extraction, "NETWORKS", {"tiny": tiny_network})
    monkeypatch.setattr(contest, "SHORTEST_ROUND", 0.001)
    for module in (growth, peak_memory, memory_probe):
        monkeypatch.setattr(module, "peak_of", lambda *_, **__: 5 << 20)
    kept = {name: command for name, command in startup.COMMANDS.items() if "torch" not in name}
    monkeypatch.setattr(startup, "COMMANDS", kept)


@pytest.mark.acceptance
@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_finite_positive_numbers_as_json_and_as_a_table(case, tmp_path):
    out = tmp_path / "new" / "speed.json"
    options = ("--quick", "--rounds", "1", "--threads", "1", "--device", "cpu", "--out", str(out))
    done = CliRunner().invoke(speed, [case, *options])
    assert done.exit_code == 0, done.output
    (measured,) = json.loads(out.read_text())
    assert (measured["case"], measured["title"]) == (case, CASES[case].title)
    assert measured["complete"] and measured["quick"] and measured["threads"] == 1
    assert measured["precision"] == "fp32" and measured["versions"]["torch"] == torch.__version__
    for row in measured["rows"]:
        assert row["failure"] is None
        numbers = [*row["seconds"], *(row[key] for key in ("peak_bytes", "ratio", "peak_ratio") if row[key])]
        assert numbers and all(0 < number < math.inf for number in numbers)
        assert len(row["seconds"]) <= 1
    by_setting = {row["setting"]: row["contestant"] for row in reversed(measured["rows"])}
    assert all(name.startswith(("ours", "gzslbench")) for name in by_setting.values())  # each first row
    with make_console().capture() as captured:
        make_console().print(report(measured))  # from the file, the table that the program printed
    assert captured.get().strip() in done.stdout
    assert all(row["contestant"] in done.stdout and row["setting"] in done.stdout for row in measured["rows"])


@pytest.mark.acceptance
def test_every_module_of_a_case_is_in_the_list():
    modules = {module.name for module in pkgutil.iter_modules(cases.__path__)}
    assert {case.module for case in CASES.values()} == modules


@pytest.mark.acceptance
def test_the_shape_of_an_epoch_is_that_of_the_suite():
    request = load_suite("flo-lite0").runs[0].request
    settings = dict(setting.split("=") for setting in request.settings)
    names = {
        "batch_size": FLO_LITE0.batch,
        "ngh": FLO_LITE0.generator,
        "ndh": FLO_LITE0.critic,
        "embed_size": FLO_LITE0.embedding,
        "outz_size": FLO_LITE0.projection,
        "nhF": FLO_LITE0.comparator,
        "nz": FLO_LITE0.noise,
        "syn_num": FLO_LITE0.syn_num,
        "ins_weight": FLO_LITE0.weight,
        "lr": FLO_LITE0.lr,
    }
    assert {name: float(settings[name]) for name in names} == names
    assert replace(FLO_LITE0, features=2048).candidates == SHAPES["FLO"].candidates
    assert (FLO_LITE0.rows, FLO_LITE0.test_seen, FLO_LITE0.test_unseen) == (5631, 1403, 1155)


@pytest.mark.acceptance
def test_shapes_are_those_of_the_proposed_splits():
    rows = {name: (s.rows, s.test_seen + s.test_unseen, s.candidates) for name, s in SHAPES.items()}
    assert rows == {
        "AWA2": (23527, 37322 - 23527, 50),
        "CUB-sent": (7057, 11788 - 7057, 200),
        "SUN": (10320, 14340 - 10320, 717),
        "FLO": (5631, 8189 - 5631, 102),
    }


@pytest.mark.acceptance
@pytest.mark.parametrize("name", SHAPES)
def test_random_views_have_the_shape_and_every_label_is_on_its_side(name):
    shape = replace(SHAPES[name], features=3)
    train, test = shape.train_view(), shape.eval_view()
    assert train.features.shape == (shape.rows, 3) and train.features.min() >= 0
    assert train.semantics.shape == (shape.classes, shape.semantics)
    assert 0 <= train.labels.min() and train.labels.max() < shape.classes
    assert test.seen.sum() == shape.classes and len(test.semantics) == shape.candidates
    assert torch.equal(test.semantics[test.seen], train.semantics)
    assert test.seen[test.seen_labels].all() and not test.seen[test.unseen_labels].any()
    assert len(test.seen_features) == shape.test_seen and len(test.unseen_features) == shape.test_unseen


@pytest.mark.acceptance
def test_a_larger_batch_has_rows_enough():
    assert SHAPES["FLO"].at(8192).rows == 8192
    assert SHAPES["FLO"].at(64) == replace(SHAPES["FLO"], batch=64)


@pytest.mark.acceptance
def test_growth_measures_the_published_forms_only_at_the_smaller_points(conditions):
    settings = list(growth.settings(replace(conditions, quick=False)))
    assert len(settings) == sum(len(axis.values) for axis in growth.AXES)
    both = [setting.name for setting in settings if len(setting.contestants) == 2]
    assert len(both) == sum(value <= axis.published_to for axis in growth.AXES for value in axis.values)
    assert "iteration, batch 64 (CUB-sent)" in both and "iteration, seen classes 2000 (SUN)" not in both


@pytest.mark.acceptance
def test_on_cuda_the_published_batch_of_awa2_is_measured_too():
    cuda = Conditions(torch.device("cuda"))
    names = [setting.name for setting in iteration.settings(cuda)]
    assert names[-1] == "AWA2, batch 4096"
    assert names[:-1] == [setting.name for setting in iteration.settings(Conditions(torch.device("cpu")))]


@pytest.mark.acceptance
def test_a_whole_training_is_timed_once_at_the_published_batch_and_only_on_cuda():
    assert list(training.settings(Conditions(torch.device("cpu")))) == []
    (setting,) = training.settings(Conditions(torch.device("cuda")))
    (ours,) = setting.contestants
    shape, _, epochs = ours.build.args
    assert ours.once and (shape.batch, epochs) == (4096, 130)
    assert setting.name == "AWA2, batch 4096, 130 epochs"


@pytest.mark.acceptance
def test_on_cuda_f_clswgan_is_timed_without_graphs_too():
    (cuda,) = f_clswgan.settings(Conditions(torch.device("cuda")))
    (cpu,) = f_clswgan.settings(Conditions(torch.device("cpu")))
    ours, without, *others = cuda.contestants
    assert (ours.name, without.name) == ("ours", "ours, without graphs")
    assert without.build.keywords == {"graphs": False}
    assert [other.name for other in (ours, *others)] == [other.name for other in cpu.contestants]


@pytest.mark.acceptance
def test_the_peak_memory_case_takes_the_published_batch(conditions):
    (setting,) = peak_memory.settings(replace(conditions, quick=False))
    assert setting.name == "CUB-sent, batch 2048"
    _, shape, _ = setting.contestants[0].memory.args
    assert asdict(shape) == asdict(SHAPES["CUB-sent"].at(2048))
