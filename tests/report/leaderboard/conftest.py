from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from gzslbench.data.catalogue import catalogue
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import RunInfo, RunMetrics, Summary


@pytest.fixture
def entry(tmp_path):
    """Makes an entry; ``H`` is its number by ``last``, and what is not given is as usual.

    Its data are the published ones; ``data`` changes fields of its task, ``cell`` those of its cell.
    """
    numbers = itertools.count()

    def make(row="ce-gzsl", H=50.0, seed=0, dataset="AWA2", *, changes=None, status="complete", **other):
        features, semantics = other.pop("features", "res101"), other.pop("semantics", "att")
        task = other.pop("task", f"{dataset}/{features}/{semantics}/ps-1")
        protocol = other.pop("protocol", 3)
        cell = Cell(row, 1, dataset, task, "minmax", dict(changes or {}), seed, protocol=protocol)
        cell = replace(cell, **other.pop("cell", {}))
        known = TaskInfo(
            task,
            dataset,
            features,
            semantics,
            split_fingerprint=next(iter(catalogue()[dataset].expected.fingerprints.values())),
            feature_dimension=2048,
        )
        metrics = RunMetrics(U=H / 2, S=H, H=H, T1=H, AUSUC=H, epoch=1, head_epoch=1)
        number = next(numbers)
        summary = Summary(
            id=f"run-{number}",
            status=status,
            cell=cell,
            task=replace(known, **other.pop("data", {})),
            setting=other.pop("setting", "inductive"),
            selection="last",
            metrics={other.pop("rule", "last"): metrics},
            run=RunInfo(
                started=f"2026-01-01T00:00:{number:02}",
                seconds_train=3.0,
                seconds_evaluate=1.0,
                peak_memory_bytes=100 + number,
            ),
            parameters=7,
        )
        assert not other, other
        return Entry(summary, RunFolder(tmp_path / summary.id), row, changes or {})

    return make
