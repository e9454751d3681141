"""Sweeps, whole processes: planning, what a second worker saves, what a cell costs apart from its work."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from gzslbench.runs.plan import parse_request
from gzslbench.runs.store import Store
from gzslbench.sweeps.planning import TaskCache, plan_sweep
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.made_records import made_record

CELLS, QUICK_CELLS = 10_000, 20
EPOCHS, QUICK_EPOCHS = 70, 1
"""Of f-CLSWGAN on digits: more than ten seconds of one thread."""
SMALL_CELLS, QUICK_SMALL_CELLS = 10, 1
EQUAL_CELLS, QUICK_EQUAL_CELLS = 4, 1
GRID = """
title = "Made"
[shared]
dataset = "digits"
[[grids]]
method = "{method}"
dataset = "digits"
seeds = {seeds}
set = {{ {settings} }}
"""
OPEN = "import torch; from gzslbench.data.load import load_dataset; load_dataset('digits')"


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Measure on the digits, which need no files."""
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        yield _planning(Path(scratch), QUICK_CELLS if conditions.quick else CELLS)
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        epochs, cells = (QUICK_EPOCHS, QUICK_EQUAL_CELLS) if conditions.quick else (EPOCHS, EQUAL_CELLS)
        yield _scaling(Path(scratch), epochs, cells)
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        yield _overhead(Path(scratch), QUICK_SMALL_CELLS if conditions.quick else SMALL_CELLS)


def _planning(root: Path, cells: int) -> Setting:
    seeds = cells // 20
    alphas = ", ".join(f"{number / 4:g}" for number in range(20))
    suite = _suite(root, "eszsl", list(range(seeds)), f"alpha = [{alphas}]")
    done, none = root / "done", root / "none"
    for results in (done, none):
        store, cache = Store(results), TaskCache(results)
        store.make()
        for run in load_suite(str(suite)).runs[:1]:
            cache.read(parse_request(run.request))
    draws = random.Random(0)
    for planned in plan_sweep(load_suite(str(suite)), Store(done), TaskCache(done)):
        assert planned.cell is not None
        (done / planned.cell.id).mkdir()
        record = made_record(planned.cell, draws).to_json()
        (done / planned.cell.id / "record.json").write_text(record, encoding="utf-8")
    skipping = ("sweep", suite, "--results", done)
    dry = ("sweep", suite, "--dry-run", "--results")
    return Setting(
        f"{cells} cells",
        [
            Contestant(
                "gzslbench sweep: all done, skipped",
                _always(partial(_run, *skipping)),
            ),
            Contestant("gzslbench sweep --dry-run: all done", _always(partial(_run, *dry, done))),
            Contestant("gzslbench sweep --dry-run: none done", _always(partial(_run, *dry, none))),
            Contestant("gzslbench sweep --help", _always(partial(_run, "sweep", "--help"))),
        ],
    )


def _scaling(root: Path, epochs: int, cells: int) -> Setting:
    suite = _suite(root, "f-clswgan", list(range(cells)), f"epochs = {epochs}")
    two, one = (_in_new_folder(root, "sweep", suite, "--jobs", jobs) for jobs in ("2", "1"))
    return Setting(
        f"{cells} equal cells, one thread each",
        [
            Contestant(
                "gzslbench sweep, two workers",
                _always(two),
                slow=True,
            ),
            Contestant(
                "gzslbench sweep, one worker",
                _always(one),
                slow=True,
            ),
        ],
    )


def _overhead(root: Path, cells: int) -> Setting:
    suite = _suite(root, "eszsl", list(range(cells)), "alpha = 1.0")
    run = ("run", "--method", "eszsl", "--dataset", "digits", "--eval-every", "0", "--set", "alpha=1.0")
    seeds = [word for seed in range(cells) for word in ("--seed", str(seed))]
    swept = _in_new_folder(root, "sweep", suite, "--jobs", "1")
    return Setting(
        f"{cells} cells of next to no work, one after another",
        [
            Contestant("gzslbench sweep: a process each", _always(swept)),
            Contestant("gzslbench run: one process", _always(_in_new_folder(root, *run, *seeds))),
            Contestant(
                f"{cells} bare processes: import torch, open the data", _always(partial(_bare, cells))
            ),
        ],
    )


def _suite(root: Path, method: str, seeds: list[int], settings: str) -> Path:
    suite = root / "made.toml"
    suite.write_text(GRID.format(method=method, seeds=seeds, settings=settings), encoding="utf-8")
    return suite


def _always(program: Program) -> Callable[[], Program]:
    """Return `program` as a contestant that needs no building."""
    return lambda: program


def _in_new_folder(root: Path, *arguments: str | Path) -> Program:
    """Run the command in a new results folder each time."""
    numbers = count()

    def program() -> None:
        results = root / f"results-{next(numbers)}"
        _run(*arguments, "--results", results)
        shutil.rmtree(results)

    return program


def _bare(processes: int) -> None:
    for _ in range(processes):
        subprocess.run([sys.executable, "-c", OPEN], check=True)


def _run(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "gzslbench", *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
