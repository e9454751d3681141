"""Every known dataset runs with its own preset, on folders of its shape with the published split files."""

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

TASKS = {
    "AWA1": ["att"],
    "AWA2": ["att"],
    "CUB": ["att", "sent"],
    "FLO": ["att"],
    "SUN": ["att"],
    "APY": ["att"],
}
QUICK = {
    "ce-gzsl": ("ngh=16", "ndh=16", "embed_size=16", "outz_size=8", "nhF=8"),
    "f-clswgan": ("ngh=16", "ndh=16", "pretrain_epochs=1"),
}
SHARED = ("syn_num=4", "head_epochs=1", "zsl_epochs=1", "batch_size=64", "critic_iter=1")


@pytest.mark.acceptance
@pytest.mark.parametrize("name", TASKS)
def test_an_epoch_of_the_preset_trains_and_is_recorded(tmp_path, name):
    write_synthetic_folder(name, tmp_path / name, scale=0.01)
    for semantics in TASKS[name]:
        for method, own in QUICK.items():
            quick = [part for setting in (*SHARED, *own) for part in ("--set", setting)]
            command = ["run", "--method", method, "--dataset", name, "--semantics", semantics]
            places = ["--data", str(tmp_path), "--results", str(tmp_path / "results")]
            outcome = CliRunner().invoke(main, [*command, *places, "--epochs", "1", "--json", *quick])
            assert outcome.exit_code == 0, outcome.output
            record = json.loads(outcome.stdout)
            assert record["task"]["dataset"] == name and record["task"]["semantics"] == semantics
            assert 0 <= record["metrics"]["last"]["H"] <= 100
