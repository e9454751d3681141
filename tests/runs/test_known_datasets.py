"""Every known dataset runs with its own preset, on folders of its shape with the published split files."""

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

TASKS = [(name, "att") for name in ("AWA1", "AWA2", "CUB", "FLO", "SUN", "APY")] + [("CUB", "sent")]
QUICK = ("syn_num=4", "head_epochs=1", "zsl_epochs=1", "batch_size=64", "critic_iter=1")


@pytest.mark.acceptance
@pytest.mark.parametrize("method", ["ce-gzsl", "f-clswgan"])
@pytest.mark.parametrize(("name", "semantics"), TASKS)
def test_an_epoch_of_the_preset_trains_and_is_recorded(tmp_path, method, name, semantics):
    write_synthetic_folder(name, tmp_path / name, scale=0.01)
    quick = [part for setting in QUICK for part in ("--set", setting)]
    if method == "f-clswgan":
        quick += ["--set", "pretrain_epochs=1"]
    asked = ["run", "--method", method, "--dataset", name, "--semantics", semantics, "--data", str(tmp_path)]
    results = ["--results", str(tmp_path / "results"), "--checkpoint-every", "0", "--epochs", "1", "--json"]
    outcome = CliRunner().invoke(main, [*asked, *quick, *results])
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(outcome.stdout)
    assert record["task"]["dataset"] == name and record["task"]["semantics"] == semantics
    assert 0 <= record["metrics"]["last"]["H"] <= 100
