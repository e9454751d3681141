"""Records as large as real ones, with random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

from gzslbench.evaluation.selection import RULES
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import Record, RunInfo, RunMetrics

METHODS = tuple(f"method-{number}" for number in range(20))
DATASETS = {"AWA1": 50, "AWA2": 50, "CUB": 200, "FLO": 102, "SUN": 717}
SYN_NUMS = (100, 200, 400, 800, 1600)
"""With 20 seeds of 20 methods on five datasets they make 10,000 runs."""


def write_records(root: Path, count: int) -> None:
    """Write the records of ``count`` runs (at most 10,000) into ``root``."""
    for record in islice(_records(), count):
        folder = root / record.id
        folder.mkdir()
        (folder / "record.json").write_text(record.to_json(), encoding="utf-8")


def _records() -> Iterator[Record]:
    draws = random.Random(0)
    for seed, syn_num, method, dataset in product(range(20), SYN_NUMS, METHODS, DATASETS):
        task = f"{dataset}/res101/att/ps-12345678-9abcdef0"
        params = {"syn_num": syn_num, **{f"parameter_{number}": 0.001 * number for number in range(20)}}
        yield made_record(Cell(method, 1, dataset, task, "minmax", params, seed, head="softmax"), draws)


def made_record(cell: Cell, draws: random.Random) -> Record:
    """Return a record of ``cell`` with random numbers."""
    return Record(
        id=cell.id,
        status="complete",
        cell=cell,
        task=TaskInfo(
            cell.task,
            cell.dataset,
            "res101",
            "att",
            class_names=[f"class {number}" for number in range(DATASETS.get(cell.dataset, 10))],
        ),
        setting="inductive",
        selection="last",
        metrics={rule: _metrics(draws) for rule in RULES if rule != "val"},
        parameters=10**7,
        run=RunInfo(
            started="2026-01-01T00:00:00+00:00",
            seconds_train=600.0,
            seconds_evaluate=30.0,
            peak_memory_bytes=2**31,
            device="cpu",
        ),
    )


def _metrics(draws: random.Random) -> RunMetrics:
    U, S = draws.uniform(10, 70), draws.uniform(40, 90)
    return RunMetrics(
        U=U,
        S=S,
        H=2 * U * S / (U + S),
        T1=draws.uniform(20, 80),
        AUSUC=draws.uniform(10, 60),
        epoch=50,
        head_epoch=25,
    )
