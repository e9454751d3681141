"""Telling trackers of runs, by the hooks that every plugin hears of runs by."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from gzslbench.errors import PluginError
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, Tracker, TrackerSpec, missing_modules
from gzslbench.runs.cell import Cell
from gzslbench.runs.environment import environment
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record
from gzslbench.runs.tracker_metrics import numbers_of_epoch, numbers_of_record
from gzslbench.training.construction import load_class

VARIABLE = "GZSLBENCH_TRACK"
"""Names of trackers, separated by commas, for every run of the processes that inherit it."""


def asked(names: Sequence[str] | None = ()) -> list[TrackerSpec]:
    """The trackers of these ``names`` and of the environment's, each once; None asks for none at all.

    Raises:
        PluginError: There is no such tracker, or what it needs is not installed.
    """
    if names is None:
        return []
    of_environment = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    sources = {name: VARIABLE for name in of_environment if name} | dict.fromkeys(names, "--track")
    return [_ready(name, source) for name, source in sources.items()]


def _ready(name: str, source: str) -> TrackerSpec:
    try:
        spec = plugins().tracker(name)
    except PluginError as error:
        raise PluginError(error.what, where=source, fix=error.fix) from error
    missing = missing_modules(spec)
    if missing:
        raise PluginError(
            f"tracker {name!r} needs {', '.join(missing)}, which is not installed",
            where=source,
            fix=f"pip install '{spec.install}'" if spec.install else f"install it, or leave {name!r} out",
        )
    return spec


@contextmanager
def tracked(specs: Sequence[TrackerSpec], folders: Mapping[str, RunFolder], device: str) -> Iterator[None]:
    """Runs inside, whose folders are given by cell id, are told to trackers; one left open has failed."""
    if not specs:
        yield
        return
    tracking = Tracking(specs, folders, device)
    plugins().manager.register(tracking)
    try:
        yield
    except BaseException as error:
        tracking.fail(error)
        raise
    finally:
        plugins().manager.unregister(tracking)


class Tracking:
    """A plugin that passes on what it hears of some runs, each of which has trackers of its own.

    One that raises is left out of the rest of its run, with a warning.
    """

    def __init__(self, specs: Sequence[TrackerSpec], folders: Mapping[str, RunFolder], device: str) -> None:
        self._specs = specs
        self._folders = folders
        self._device = device
        self._trackers: dict[str, dict[str, Tracker]] = {}
        self._epochs: dict[str, int] = {}

    @hookimpl
    def gzslbench_run_start(self, run: Cell) -> None:
        """Make the run's trackers, and start them."""
        if run.id not in self._folders:
            return
        folder = self._folders[run.id]
        resumed = folder.has_checkpoint()
        if not resumed:
            shutil.rmtree(folder.tracking, ignore_errors=True)
        trackers = self._trackers[run.id] = {}
        for spec in self._specs:
            with self._guarded(run.id, spec.name):
                trackers[spec.name] = load_class(spec)()
                trackers[spec.name].start(self._about(run, folder, spec.name, resumed))

    @hookimpl
    def gzslbench_epoch_end(self, run: Cell, metrics: Mapping[str, Any]) -> None:
        """Pass on the epoch."""
        if not self._trackers.get(run.id):
            return
        if run.id not in self._epochs:  # the lines so far are those of earlier parts of the run, and this one
            self._epochs[run.id] = len(self._folders[run.id].metrics()) - 1
        self._epochs[run.id] += 1
        where = {name: metrics[name] for name in ("leg", "stage", "epoch")}
        numbers = numbers_of_epoch(metrics, run.select)
        epoch = TrackedEpoch(**where, ordinal=self._epochs[run.id], numbers=numbers)
        for name, tracker in list(self._trackers[run.id].items()):
            with self._guarded(run.id, name):
                tracker.epoch(epoch)

    @hookimpl
    def gzslbench_run_end(self, record: Record) -> None:
        """Pass on the record."""
        numbers = numbers_of_record(record)
        for name, tracker in list(self._trackers.get(record.id, {}).items()):
            with self._guarded(record.id, name):
                tracker.end(record, numbers)
        self._trackers.pop(record.id, None)

    def fail(self, error: BaseException) -> None:
        """Tell of every run without a record that it stops for ``error``."""
        for run in list(self._trackers):
            for name, tracker in self._trackers.pop(run).items():
                with self._guarded(run, name):
                    tracker.fail(error)

    def _about(self, run: Cell, folder: RunFolder, tracker: str, resumed: bool) -> TrackedRun:
        process = {**environment(torch.device(self._device)), "command": shlex.join(sys.argv)}
        return TrackedRun(
            id=run.id,
            method=run.method,
            task=run.task,
            parameters=flat(run.as_dict()),
            environment={name: str(value) for name, value in process.items()},
            folder=folder,
            results=folder.path.parent,
            place=folder.tracking / tracker,
            resumed=resumed,
        )

    @contextmanager
    def _guarded(self, run: str, name: str) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            what, *_ = [*str(error).splitlines(), ""]
            warnings.warn(
                f"tracker {name!r} hears no more of run {run}: {type(error).__name__}: {what}",
                RuntimeWarning,
                stacklevel=2,
            )
            broken = self._trackers.get(run, {}).pop(name, None)
            if broken is not None:
                with suppress(Exception, SystemExit):
                    broken.fail(error)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` without what is None, and those of tables by dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": each for inner, each in flat(value).items()}
        elif value is not None:
            found[name] = value
    return found
