from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main


def called(*arguments):
    return CliRunner().invoke(main, arguments)


def test_heads_are_listed_with_their_papers():
    done = called("heads")
    assert done.exit_code == 0
    assert "zlap" in done.output
    assert json.loads(called("heads", "--json").stdout)["zlap"]["year"] == 2022


def test_a_head_is_described_with_its_parameters_and_presets():
    done = called("heads", "zlap")
    assert done.exit_code == 0
    assert "seen_ratio" in done.output
    reported = json.loads(called("heads", "zlap", "--json").stdout)
    assert reported["presets"]["AWA2"]["values"]["seen_ratio"] == 1000.0


RUN = ("run", "--dataset", "digits", "--epochs", "1", "--json", "--results")


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("--method", "eszsl", "--head", "zlap"), "takes no head"),
        (("--method", "eszsl", "--head", "softmax"), "takes no head"),
        (("--method", "ce-gzsl", "--head", "zlop"), "no head 'zlop'"),
        (("--method", "ce-gzsl", "--head-set", "epochs=3"), "no parameters of its own"),
        (("--method", "ce-gzsl", "--head", "zlap", "--head-set", "epoch=3"), "epochs"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(tmp_path, arguments, reported):
    kept = [item for item in RUN if item not in ("--epochs", "1")] if "eszsl" in arguments else RUN
    done = called(*kept, str(tmp_path), *arguments)
    assert done.exit_code == 2
    assert reported in done.output


def test_a_run_with_a_head_is_another_cell_than_without(tmp_path):
    small = ("--set", "ngh=8", "--set", "ndh=8", "--set", "pretrain_epochs=1", "--set", "syn_num=5")
    records = []
    for more in ((), ("--head", "zlap", "--head-set", "epochs=2"), ("--head", "softmax")):
        done = called(*RUN, str(tmp_path), "--method", "f-clswgan", *small, *more)
        assert done.exit_code == 0, done.output
        records.append(json.loads(done.stdout))
    plain, zlap, softmax = records
    assert plain["id"] == softmax["id"] != zlap["id"]
    assert zlap["id"].startswith("f-clswgan-zlap-digits-s0-")
    assert (plain["cell"]["head"], zlap["cell"]["head"]) == ("softmax", "zlap")
    assert zlap["cell"]["head_params"]["epochs"] == 2
    assert zlap["cell"]["head_params"]["seen_ratio"] == 1000.0
    assert zlap["metrics"]["last"]["head_epoch"] == 2


def test_a_transductive_head_stamps_the_record(tmp_path):
    small = ("--set", "ngh=8", "--set", "ndh=8", "--set", "pretrain_epochs=1", "--set", "syn_num=5")
    arguments = ("--method", "f-clswgan", *small, "--head", "lisgan-transductive")
    done = called(*RUN, str(tmp_path), *arguments, "--head-set", "second_epochs=3")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["setting"] == "transductive"
    assert record["metrics"]["last"]["head_epoch"] == 28


def test_an_evolving_head_stamps_the_record_ranks_apart_and_answers_no_other_rows(tmp_path):
    small = ("--set", "ngh=8", "--set", "ndh=8", "--set", "pretrain_epochs=1", "--set", "syn_num=5")
    short = ("--head-set", "epochs=1")
    for head in (("egzsl", *short), ("zlap", *short)):
        done = called(*RUN, str(tmp_path), "--method", "f-clswgan", *small, "--head", *head)
        assert done.exit_code == 0, done.output
    evolving = [run for run in shown(tmp_path) if run["cell"]["head"] == "egzsl"]
    assert [run["setting"] for run in evolving] == ["evolving"]
    boards = json.loads(called("leaderboard", str(tmp_path), "--format", "json").stdout)["boards"]
    ranked = {board["setting"]: [row["method"] for row in board["rows"]] for board in boards}
    assert ranked == {"inductive": ["f-clswgan, with zlap"], "evolving": ["f-clswgan, with egzsl"]}
    rows = tmp_path / "rows.npy"
    np.save(rows, np.zeros((2, 64), np.float32))
    at = ("--results", str(tmp_path), "--features", str(rows))
    refused = called("predict", evolving[0]["id"], *at)
    assert refused.exit_code == 2 and "learned from the test rows" in refused.output


def shown(results):
    lines = called("runs", "list", "--results", str(results), "--json").stdout
    return [json.loads(line) for line in lines.splitlines()]
