"""Every hook that a plugin can implement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from gzslbench.plugins.dataset import DatasetSpec
    from gzslbench.plugins.executor import ExecutorSpec
    from gzslbench.plugins.extractor import ExtractorSpec
    from gzslbench.plugins.head import HeadSpec
    from gzslbench.plugins.method import MethodSpec
    from gzslbench.plugins.tracker import TrackerSpec
    from gzslbench.runs.cell import Cell
    from gzslbench.runs.record import Record

PROJECT = "gzslbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gzslbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """Return the methods that this plugin offers; must not import torch."""


@hookspec
def gzslbench_heads() -> Iterable[HeadSpec]:  # type: ignore[empty-body]
    """Return the heads that this plugin offers; must not import torch."""


@hookspec
def gzslbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Return the datasets that this plugin offers; must not import torch or read data."""


@hookspec
def gzslbench_extractors() -> Iterable[ExtractorSpec]:  # type: ignore[empty-body]
    """Return the feature extractors that this plugin offers; must not import torch."""


@hookspec
def gzslbench_executors() -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
    """Return the executors that this plugin offers; must not import torch or reach a cluster."""


@hookspec
def gzslbench_published() -> Iterable[Path]:  # type: ignore[empty-body]
    """Return folders of files as ``gzslbench.report.published`` reads them; must not read one."""


@hookspec
def gzslbench_suites() -> Iterable[Path]:  # type: ignore[empty-body]
    """Return folders with ``suites/*.toml`` and their stored ``metrics/*.json``; must not read one."""


@hookspec
def gzslbench_trackers() -> Iterable[TrackerSpec]:  # type: ignore[empty-body]
    """Return the trackers that this plugin offers to ``--track``; must not import their packages."""


@hookspec
def gzslbench_run_start(run: Cell) -> None:
    """Receive the cell of a run that starts, or continues after an interruption."""


@hookspec
def gzslbench_epoch_end(run: Cell, metrics: Mapping[str, Any]) -> None:
    """Receive the metrics of an epoch that has ended, as they are written to metrics.jsonl.

    On CUDA it is called when the losses have reached the host; a later epoch may be running by then.
    """


@hookspec
def gzslbench_run_end(record: Record) -> None:
    """Receive the record of a run that has ended; it is on disk."""
