"""Ten thousand stored runs: listing and comparing them, whole processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gzslbench.runs.store import INDEX
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.made_records import write_records

RECORDS, QUICK_RECORDS = 10_000, 50
PLAIN = """
import json, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/record.json")):
    record = json.loads(path.read_text())
    print(record["id"], record["metrics"]["last"]["H"])
"""


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Compare ours with an index, ours without an index, and a loop that reads each record."""
    count = QUICK_RECORDS if conditions.quick else RECORDS
    with TemporaryDirectory(prefix="gzslbench-") as scratch:
        root = Path(scratch)
        write_records(root, count)
        ours = ("-m", "gzslbench")
        contestants = [
            Contestant("gzslbench runs list", _always(partial(_run, *ours, "runs", "list", root))),
            Contestant("gzslbench leaderboard", _always(partial(_run, *ours, "leaderboard", root))),
            Contestant("gzslbench runs list, no index yet", _always(partial(_without_index, root))),
            Contestant("a loop over the records: id and H", _always(partial(_run, "-c", PLAIN, root))),
        ]
        yield Setting(f"{count} records", contestants)


def _always(program: Program) -> Callable[[], Program]:
    """Return `program` as a contestant that needs no building."""
    return lambda: program


def _without_index(root: Path) -> None:
    (root / INDEX).unlink(missing_ok=True)
    _run("-m", "gzslbench", "runs", "list", root)


def _run(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
