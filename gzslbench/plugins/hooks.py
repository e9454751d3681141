"""Every hook a plugin can implement."""

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
    """The methods this plugin offers; must not import torch."""


@hookspec
def gzslbench_heads() -> Iterable[HeadSpec]:  # type: ignore[empty-body]
    """The heads this plugin offers; must not import torch."""


@hookspec
def gzslbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """The datasets this plugin offers; must not import torch or read data."""


@hookspec
def gzslbench_extractors() -> Iterable[ExtractorSpec]:  # type: ignore[empty-body]
    """The feature extractors this plugin offers; must not import torch."""


@hookspec
def gzslbench_executors() -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
    """The executors this plugin offers; must not import torch or reach a cluster."""


@hookspec
def gzslbench_published() -> Iterable[Path]:  # type: ignore[empty-body]
    """Folders of published numbers, as ``gzslbench.report.published`` reads them; must not read one."""


@hookspec
def gzslbench_suites() -> Iterable[Path]:  # type: ignore[empty-body]
    """Folders that hold ``suites/*.toml`` and the ``metrics/*.json`` stored of them; must not read one."""


@hookspec
def gzslbench_trackers() -> Iterable[TrackerSpec]:  # type: ignore[empty-body]
    """The trackers this plugin offers to ``--track``; must not import their packages."""


@hookspec
def gzslbench_run_start(run: Cell) -> None:
    """A run begins (or goes on after an interruption)."""


@hookspec
def gzslbench_epoch_end(run: Cell, metrics: Mapping[str, Any]) -> None:
    """An epoch ended; ``metrics`` is the line written to metrics.jsonl.

    On CUDA it is told once its losses have reached the host, when a later epoch may be under way.
    """


@hookspec
def gzslbench_run_end(record: Record) -> None:
    """A run ended and its record is on disk."""
