from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import gzslbench_benchmarks
from gzslbench.cli import main
from gzslbench.runs.plan import parse_request, resolve
from gzslbench.sweeps.planning import TaskCache
from gzslbench.sweeps.suites.baseline import summarize
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench_methods.dem import embedding_loss

METRICS = sorted((Path(gzslbench_benchmarks.__file__).parent / "metrics").glob("*.json"))
TINY = """
title = "tiny"
[shared]
dataset = "digits"
eval_every = 1
[settings.cnzsl]
hidden = 8
[[runs]]
name = "small"
method = "cnzsl"
seeds = [1, 2]
epochs = 2
at = 1
"""


GREEDY = """
[[runs]]
name = "greedy"
method = "ce-gzsl"
set = { ndh = 1024 }
seeds = [1]
epochs = 1
"""
WILD = """
[[runs]]
name = "wild"
method = "cnzsl"
set = { lr = 1e30 }
seeds = [1]
epochs = 2
"""


@pytest.fixture
def tiny(tmp_path):
    """Store, or with ``check`` compare, a suite with this text; all files are in ``tmp_path``."""

    def call(text=TINY, *options, check=False, results="results"):
        (tmp_path / "tiny.toml").write_text(text)
        places = ["--results", str(tmp_path / results), "--stored", str(tmp_path / "metrics" / "tiny.json")]
        what = [] if check else ["--update", "--reason", "a test"]
        return CliRunner().invoke(main, ["regress", str(tmp_path / "tiny.toml"), *places, *what, *options])

    return call


def stored_in(tmp_path):
    return json.loads((tmp_path / "metrics" / "tiny.json").read_text())["runs"]


def test_a_measured_suite_stores_each_seed_at_the_fixed_epoch(tiny, tmp_path):
    outcome = tiny()
    assert outcome.exit_code == 0, outcome.output
    stored = stored_in(tmp_path)["small"]
    assert [run["seed"] for run in stored["runs"]] == [1, 2]
    for run in stored["runs"]:
        assert run["at"] == 1 and run["by_rule"]["last"]["epoch"] == 2
        assert dict(run["H_by_epoch"])[1] == run["metrics"]["H"]
    mean = sum(run["metrics"]["H"] for run in stored["runs"]) / 2
    assert stored["summary"]["H"]["mean"] == pytest.approx(mean)
    before = stored_in(tmp_path)
    assert tiny().exit_code == 0  # finished runs are read
    assert stored_in(tmp_path) == before


def test_a_run_is_stored_with_precision_time_memory_and_kind_of_device(tiny, tmp_path):
    one_seed = TINY.replace("seeds = [1, 2]", "seeds = [1]").replace("[shared]", '[shared]\ndevice = "cpu"')
    lowered = one_seed[one_seed.index("[[runs]]") :].replace("small", "lowered")
    assert tiny(one_seed + lowered + 'precision = "bf16"').exit_code == 0
    (small,), (lowered,) = (stored_in(tmp_path)[name]["runs"] for name in ("small", "lowered"))
    assert (small["precision"], lowered["precision"]) == ("fp32", "bf16")
    for run in (small, lowered):
        record = json.loads((tmp_path / "results" / run["id"] / "record.json").read_text())["run"]
        for name in ("seconds_train", "seconds_evaluate", "peak_memory_bytes"):
            assert run[name] == record[name] > 0
        assert run["seconds"] == run["seconds_train"] + run["seconds_evaluate"]
        assert run["gpu"] is False


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_peak_memory_of_a_run_is_not_that_of_the_run_before(tiny, tmp_path):
    head, runs = TINY.replace("[shared]", '[shared]\ndevice = "cuda"').split("[[runs]]")
    assert tiny(head + GREEDY + "[[runs]]" + runs).exit_code == 0
    stored = stored_in(tmp_path)
    (greedy,), (small, _) = stored["greedy"]["runs"], stored["small"]["runs"]
    assert greedy["gpu"] and small["peak_memory_bytes"] < greedy["peak_memory_bytes"]


def test_a_comparison_stores_nothing_and_names_what_moved(tiny, tmp_path):
    early = tiny(check=True)
    assert early.exit_code == 2 and "store some with --update first" in early.output
    assert not (tmp_path / "results").exists()
    tiny()
    outcome = tiny(check=True)
    assert outcome.exit_code == 0 and "as stored, within their tolerances: small" in outcome.output
    path = tmp_path / "metrics" / "tiny.json"
    content = json.loads(path.read_text())
    summary = content["runs"]["small"]["summary"]["S"]
    summary["mean"] += summary["tolerance"] + 1
    path.write_text(json.dumps(content))
    before = path.read_bytes()
    outcome = tiny(check=True)
    assert outcome.exit_code == 1
    (row,) = (line.split() for line in outcome.output.splitlines() if line.startswith("small  S"))
    assert float(row[2]) == pytest.approx(summary["mean"], abs=0.01) and float(row[5]) < 0
    assert path.read_bytes() == before


def test_an_update_needs_a_reason_and_shows_what_it_replaces(tiny, tmp_path):
    refused = CliRunner().invoke(main, ["regress", "digits", "--update"])
    assert refused.exit_code == 2 and "say why" in refused.output
    tiny()
    path = tmp_path / "metrics" / "tiny.json"
    content = json.loads(path.read_text())
    assert content["reason"] == "a test"
    content["runs"]["small"]["summary"]["S"]["mean"] += 50
    path.write_text(json.dumps(content))
    outcome = tiny()
    assert outcome.exit_code == 0 and "what moved" in outcome.output and "-50.00" in outcome.output
    assert tiny(check=True).exit_code == 0


BROKEN = """
title = "one loss"
[shared]
dataset = "synthetic"
[[runs]]
name = "dem"
method = "dem"
seeds = [1, 2]
epochs = 10
"""


@pytest.mark.acceptance
def test_a_broken_loss_is_an_alarm(tiny, monkeypatch):
    tiny(BROKEN)
    assert tiny(BROKEN, check=True, results="again").exit_code == 0
    monkeypatch.setattr(
        "gzslbench_methods.dem.embedding_loss", lambda *arguments: -embedding_loss(*arguments)
    )
    outcome = tiny(BROKEN, check=True, results="broken")
    assert outcome.exit_code == 1
    assert "suite tiny: what moved" in outcome.output
    assert ["dem", "H"] in [line.split()[:2] for line in outcome.output.splitlines()]


def test_runs_are_computed_again_unless_a_folder_is_named(tiny, tmp_path, monkeypatch):
    tiny()
    monkeypatch.chdir(tmp_path)
    stored = ["--stored", str(tmp_path / "metrics" / "tiny.json")]
    outcome = CliRunner().invoke(main, ["regress", "tiny.toml", *stored])
    assert outcome.exit_code == 0, outcome.output
    (folder,) = (item for item in (tmp_path / "results").iterdir() if item.name.startswith("regress-tiny-"))
    assert len(list(folder.glob("*/record.json"))) == 2


def test_a_diverged_run_is_stored_with_its_failure_and_the_others_go_on(tiny, tmp_path):
    one_seed = TINY.replace("seeds = [1, 2]", "seeds = [1]")
    head, runs = one_seed.split("[[runs]]")
    outcome = tiny(head + WILD + "[[runs]]" + runs)
    assert outcome.exit_code == 1
    assert "0 of 1" in outcome.output and "wild: seed 1 diverged" in outcome.output
    stored = stored_in(tmp_path)
    (wild,), (small,) = stored["wild"]["runs"], stored["small"]["runs"]
    assert wild["status"] == "diverged" and wild["failure"]["epoch"] in (1, 2) and "metrics" not in wild
    assert stored["wild"]["summary"] == {}
    assert small["status"] == "complete"
    assert stored["small"]["summary"]["H"] == {"mean": small["metrics"]["H"], "std": None, "tolerance": None}


OTHER = """
[[runs]]
name = "other"
method = "eszsl"
seeds = [1]
[[claims]]
method = "eszsl"
text = "a closed form beats two epochs of ten features"
better = "other"
than = "small"
"""


def test_a_closed_form_is_read_at_its_end_and_claims_are_judged(tiny, tmp_path):
    outcome = tiny(TINY + OTHER)
    assert outcome.exit_code == 0, outcome.output
    (run,) = stored_in(tmp_path)["other"]["runs"]
    assert run["at"] is None
    assert {name: run["by_rule"]["last"][name] for name in run["metrics"]} == run["metrics"]
    stored = ["--stored", str(tmp_path / "metrics" / "tiny.json")]
    reported = CliRunner().invoke(main, ["claims", str(tmp_path / "tiny.toml"), *stored])
    assert "| eszsl | a closed form beats two epochs of ten features | H |" in reported.output


def test_only_selected_runs_run_and_the_rest_stays_as_stored(tiny, tmp_path):
    assert tiny(TINY + OTHER, "--only", "small").exit_code == 0
    assert list(stored_in(tmp_path)) == ["small"]
    before = stored_in(tmp_path)["small"]
    assert tiny(TINY + OTHER, "--only", "oth", results="others").exit_code == 0
    assert stored_in(tmp_path)["small"] == before and "other" in stored_in(tmp_path)
    assert len(list((tmp_path / "others").glob("*/record.json"))) == 1
    outcome = tiny(TINY + OTHER, "--only", "other", check=True)
    assert outcome.exit_code == 0 and "other: one seed" in outcome.output and "small" not in outcome.output
    outcome = tiny(TINY + OTHER, "--only", "nothing")
    assert outcome.exit_code == 2 and "the names are: small, other" in outcome.output


def test_nothing_runs_if_the_metrics_cannot_be_stored(tiny, tmp_path):
    (tmp_path / "metrics").write_text("in the way")
    outcome = tiny()
    assert outcome.exit_code == 2 and "cannot be stored" in outcome.output
    assert not (tmp_path / "results").exists()


def test_metrics_are_stored():
    assert METRICS


@pytest.mark.parametrize("path", METRICS, ids=[path.stem for path in METRICS])
def test_stored_metrics_agree_with_their_own_summary(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    tolerance = load_suite(path.stem).tolerance
    for name, group in stored["runs"].items():
        assert group["summary"] == summarize(group["runs"], tolerance), name
        for run in group["runs"]:
            assert run["status"] == "complete", (name, run["seed"])
            U, S, H = (run["metrics"][key] for key in ("U", "S", "H"))
            assert pytest.approx(2 * U * S / (U + S) if U + S else 0.0) == H
            assert run["at"] is None or dict(run["H_by_epoch"])[run["at"]] == H


@pytest.mark.acceptance
@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs FLO under GZSLBENCH_DATA")
@pytest.mark.parametrize("path", METRICS, ids=[path.stem for path in METRICS])
def test_stored_metrics_are_of_the_cells_of_their_suite(path, tmp_path):
    built = Path(os.environ["GZSLBENCH_DATA"], "CUB100", "build.json")
    if path.stem.startswith("cub100") and not built.is_file():
        pytest.skip("needs CUB100 built from its images, as the suite says")
    stored, cache = json.loads(path.read_text(encoding="utf-8")), TaskCache(tmp_path)
    wanted: dict[str, set[str]] = {}
    for run in load_suite(path.stem).runs:
        parsed = parse_request(run.request)
        cells = resolve(parsed, cache.get(parsed) or cache.read(parsed)[0]).cells
        wanted.setdefault(run.name, set()).update(cell.id for cell in cells)
    kept = {name: {run["id"] for run in group["runs"]} for name, group in stored["runs"].items()}
    assert kept == {name: wanted[name] for name in kept}
