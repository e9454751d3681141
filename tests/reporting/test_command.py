from __future__ import annotations

import json
import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.execution.plan import Request, make_plan
from gzslbench.execution.run import Options, run_cell
from gzslbench.reporting.command import repeat_command
from gzslbench.results.store import Store


@pytest.mark.parametrize(
    ("typed", "repeated"),
    [
        ("gzslbench run --dataset CUB", "gzslbench run --dataset CUB --seed 7 --rerun"),
        ("/bin/gzslbench run --seed 1 --seed 7 --method m", "gzslbench run --method m --seed 7 --rerun"),
        ("/lib/gzslbench/__main__.py run --seed=7 --resume", "gzslbench run --seed 7 --rerun"),
        ("gzslbench run --dataset 'my data' --json", "gzslbench run --dataset 'my data' --seed 7 --rerun"),
    ],
)
def test_the_typed_command_is_narrowed_to_the_records_seed(typed: str, repeated: str) -> None:
    record = SimpleNamespace(cell={"seed": 7}, run={"command": shlex.split(typed)})
    assert repeat_command(record) == repeated  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [["regress", "digits"], ["/sweep.py"], None])
def test_a_run_made_otherwise_is_repeated_by_the_run_that_has_its_very_cell(by, tmp_path) -> None:
    request = Request(
        method="f-clswgan",
        dataset="digits",
        settings=("epochs=2", "lr=0.002"),
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
    command = [] if by is None else ["gzslbench", *by]
    typed = shlex.split(repeat_command(replace(record, run={**record.run, "command": command})))
    assert typed[:2] == ["gzslbench", "run"]
    outcome = CliRunner().invoke(main, [*typed[1:], "--results", str(tmp_path), "--json"])
    assert outcome.exit_code == 0, outcome.output
    again = json.loads(outcome.output.splitlines()[-1])
    assert again["id"] == cell.id and again["metrics"] == record.metrics
