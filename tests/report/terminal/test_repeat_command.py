from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.report.terminal.run import repeat_command
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.record import RunInfo
from gzslbench.runs.store import Store


@pytest.mark.parametrize(
    ("typed", "dataset", "places"),
    [
        ("gzslbench run --dataset CUB --json", "CUB", []),
        ("/bin/gzslbench run --seed 1 --dataset=my/CUB", "my/CUB", []),
        ("/lib/gzslbench/__main__.py run --dataset 'my data/CUB' --resume", "my data/CUB", []),
        (
            "gzslbench run --dataset cub --data=there --results out",
            "cub",
            ["--data", "there", "--results", "out"],
        ),
        ("gzslbench regress suite --results out", "CUB", []),
        ("sweep.py --dataset nonsense", "CUB", []),
    ],
)
def test_the_places_of_data_and_results_are_those_of_the_command(record, typed, dataset, places) -> None:
    task = TaskInfo("CUB/res101/att/ps-1", "CUB", "res101", "att")
    cell = Cell("of-nobody", 1, "CUB", task.id, "minmax", {"lr": 0.1}, 7, precision="bf16")
    made = replace(record, cell=cell, task=task, run=RunInfo(command=shlex.split(typed)))
    expected = ["gzslbench", "run", "--method", "of-nobody", "--dataset", dataset]
    expected += ["--features", "res101", "--semantics", "att", "--set", "lr=0.1"]
    expected += ["--eval-every", "0", "--select", "last", "--preprocessing", "minmax", "--device", "cpu"]
    expected += ["--precision", "bf16", "--seed", "7", *places, "--rerun"]
    assert shlex.split(repeat_command(made)) == expected


SMALL = ("ngh=16", "ndh=16", "syn_num=10", "nz=4", "batch_size=256")


@pytest.mark.acceptance  # it trains twice
def test_a_run_by_another_program_is_repeated_by_the_command_of_its_very_cell(tmp_path) -> None:
    request = Request(
        method="f-clswgan",
        dataset="digits",
        settings=(*SMALL, "epochs=2", "lr=0.002"),
        head="zlap",
        head_settings=("seen_ratio=1.0",),
        shuffle_semantics=3,
        seeds=(7,),
        eval_every=1,
        device="cpu",
        deterministic=True,
    )
    plan = make_plan(request)
    (cell,) = plan.cells
    record, _ = run_cell(plan, cell, Store(tmp_path), Options())
    commands = [["gzslbench", "regress", "digits"], ["gzslbench", "/sweep.py"], []]
    (typed,) = {repeat_command(replace(record, run=replace(record.run, command=by))) for by in commands}
    program, *arguments = shlex.split(typed)
    assert (program, arguments[0]) == ("gzslbench", "run")
    outcome = CliRunner().invoke(main, [*arguments, "--results", str(tmp_path), "--json"])
    assert outcome.exit_code == 0, outcome.output
    again = json.loads(outcome.output.splitlines()[-1])
    assert again["id"] == cell.id and again["metrics"] == record.as_dict()["metrics"]
