"""A cell as a job of an executor: its argument, and the function that the worker calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench.sweep.task_cache import TaskCache

WORK = f"{__name__}:run_cell_job"


def cell_argument(request: Request, cell: str, checkpoint_every: int) -> dict[str, Any]:
    """The argument of ``run_cell_job``, in plain JSON types; the executor adds the run's folder.

    Args:
        request: What to run, with one seed.
        cell: The id that the cell must have.
        checkpoint_every: Epochs between two checkpoints.
    """
    return {"request": request.for_a_worker(), "cell": cell, "checkpoint_every": checkpoint_every}


def run_cell_job(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run a cell, continue it, or read its record. Its record is in the store when this returns.

    If the argument has a ``dataset``, no data file is read.

    Returns:
        The record, in plain JSON types.

    Raises:
        GzslBenchError: It cannot be run, or was stopped.
    """
    request, root = Request.from_json(argument["request"]), Path(argument["folder"]).parent
    plan = make_plan(request, argument.get("dataset"))
    (cell,) = plan.cells
    if cell.id != argument["cell"]:
        TaskCache(root).forget(request)
        raise StoreError(
            f"the cell is now {cell.id}: its data changed after the sweep was planned",
            where=argument["cell"],
            fix="repeat the command, which plans again",
        )
    options = Options(resume=True, checkpoint_every=argument["checkpoint_every"])
    record, _folder = run_cell(plan, cell, Store(root), options)
    return {"record": record.as_dict()}
