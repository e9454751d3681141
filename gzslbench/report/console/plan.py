"""What a run would be, before it is one: ``gzslbench run --dry-run``."""

from __future__ import annotations

import json
from pathlib import Path

from rich.text import Text

from gzslbench.report.console.console import console, key_values
from gzslbench.runs.plan import Plan
from gzslbench.runs.store import Store


def print_plan(plan: Plan, results: Path, *, as_json: bool = False) -> None:
    """Print the task, the resolved settings with their source, and each cell's state in ``results``."""
    store = Store(results)
    states = {cell.id: _state(store, cell.id) for cell in plan.cells}
    if as_json:
        for cell in plan.cells:
            print(json.dumps({"id": cell.id, "state": states[cell.id], **cell.as_dict()}))  # noqa: T201
        return
    shared = plan.cells[0].as_dict()
    params = shared.pop("params")
    shared.pop("seed")
    out = console()
    out.print(Text(f"{plan.spec.title} on {plan.dataset.name}, nothing is run", style="bold"))
    out.print(key_values(shared))
    out.print(Text(f"parameters: preset {plan.preset.table!r} ({plan.preset.source})", style="bold"))
    out.print(key_values(params))
    out.print(Text("runs", style="bold"))
    out.print(key_values(states))
    for note in plan.dataset.notes:
        out.print(Text(f"note: {note}"))


def _state(store: Store, run: str) -> str:
    folder = store.run(run)
    if folder.has_ended():
        return "finished: would be shown, not run"
    if folder.path.is_dir() and any(folder.path.glob("checkpoint-*.pt")):
        return "interrupted: --resume goes on with it"
    return "would run"
