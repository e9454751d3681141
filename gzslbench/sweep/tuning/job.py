"""A worker of a study as a job, for executors that begin processes here or on other machines."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.plugins.executor import Job
from gzslbench.runs.dataset_handle import CarriedDataset
from gzslbench.runs.plan import Request
from gzslbench.runs.progress import Silent
from gzslbench.sweep.tuning.tune import TuneRequest, open_tuning, search

WORK = f"{__name__}:work"


def jobs(request: TuneRequest, workers: int, gpus: float = 0.0, carry: bool = False) -> list[Job]:
    """So many workers of one study, which each must see under the path that ``request`` names.

    Args:
        request: What they search.
        workers: How many.
        gpus: The share of a GPU that each takes.
        carry: Send the data along, for machines that may not have them.
    """
    argument = {
        **asdict(request),
        "run": request.run.for_a_worker(),
        "searches": list(request.searches),
        "study": None if request.study is None else str(request.study.absolute()),
        "results": str(request.results.absolute()),
    }
    shared = {"dataset": CarriedDataset.of(request.run)} if carry else {}
    names = [f"worker {number}" for number in range(1, workers + 1)]
    return [Job(name, WORK, argument, gpus, shared=shared) for name in names]


def work(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run trials until the study has as many as asked for; how many of them have ended.

    Raises:
        StoreError: The study is not to be seen from here.
        GzslBenchError: As ``open_tuning`` and ``search``.
    """
    asked = dict(argument)
    carried = asked.pop("dataset", None)
    request = _request(asked)
    if request.study is None or not request.study.is_file():
        raise StoreError(
            f"{socket.gethostname()} does not see the study's file",
            where=request.study,
            fix="name a --study that all nodes see under the same path",
        )
    tuning = open_tuning(request, carried)
    search(tuning, lambda _cell: nullcontext(Silent()), lambda _line: None)
    return {"run": tuning.result.run, "counts": tuning.result.counts}


def _request(argument: Mapping[str, Any]) -> TuneRequest:
    study = argument["study"]
    return TuneRequest(
        **{
            **argument,
            "run": Request.from_json(argument["run"]),
            "searches": tuple(argument["searches"]),
            "study": None if study is None else Path(study),
            "results": Path(argument["results"]),
        }
    )
