"""A worker of a study as a job, for executors that begin processes here or on other machines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gzslbench.execution.plan import Request
from gzslbench.execution.progress import Silent
from gzslbench.executor import Job
from gzslbench.tuning.tune import TuneRequest, open_tuning, search

WORK = f"{__name__}:work"


def jobs(request: TuneRequest, workers: int) -> list[Job]:
    """So many workers of one study; each must see its file under the path that ``request`` names."""
    argument = {name: _plain(value) for name, value in asdict(request).items()}
    return [Job(f"worker {number}", WORK, argument) for number in range(1, workers + 1)]


def work(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run trials until the study has as many as asked for; how many of them have ended.

    Raises:
        GzslBenchError: As ``open_tuning`` and ``search``.
    """
    tuning = open_tuning(_request(argument))
    search(tuning, lambda _cell: nullcontext(Silent()), lambda _line: None)
    return {"run": tuning.result.run, "counts": tuning.result.counts}


def _request(argument: Mapping[str, Any]) -> TuneRequest:
    run = {name: _rich(name, value) for name, value in argument["run"].items()}
    rest = {name: _rich(name, value) for name, value in argument.items() if name != "run"}
    return TuneRequest(Request(**run), **rest)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _rich(name: str, value: Any) -> Any:
    if name in ("data", "preset", "study", "results") and value is not None:
        return Path(value)
    return tuple(value) if isinstance(value, list) else value
