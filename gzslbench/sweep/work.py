"""A cell as a job: what a worker is told, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench.sweep.known_tasks import KnownTasks

WORK = f"{__name__}:run_cell_job"


def argument_of(request: Request, cell: str, checkpoint_every: int) -> dict[str, Any]:
    """What ``run_cell_job`` is called with, in plain JSON types; its executor adds the run's folder.

    Args:
        request: With one seed.
        cell: The id that must come out of it.
        checkpoint_every: Epochs between checkpoints.
    """
    return {"request": request.for_a_worker(), "cell": cell, "checkpoint_every": checkpoint_every}


def run_cell_job(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run a cell, or go on with it, or read its record; its record is in the store when this returns.

    Where the argument has a ``dataset`` that came with it, no file of the data is read.

    Returns:
        The record, as a mapping of JSON types.

    Raises:
        GzslBenchError: It cannot be run, or was stopped.
    """
    request, root = Request.from_json(argument["request"]), Path(argument["folder"]).parent
    plan = make_plan(request, argument.get("dataset"))
    (cell,) = plan.cells
    if cell.id != argument["cell"]:
        KnownTasks(root).forget(request)
        raise StoreError(
            f"the cell has become {cell.id}: its data changed since the sweep was planned",
            where=argument["cell"],
            fix="repeat the command, which plans anew",
        )
    options = Options(resume=True, checkpoint_every=argument["checkpoint_every"])
    record, _folder = run_cell(plan, cell, Store(root), options)
    return {"record": record.as_dict()}
