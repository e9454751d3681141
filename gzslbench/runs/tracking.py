"""Report runs to trackers, by the hooks that every plugin can implement."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from gzslbench.computing.device import environment
from gzslbench.errors import PluginError, first_line, warn
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.registry import plugin_code, plugins
from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, Tracker, TrackerSpec, missing_modules
from gzslbench.runs.cell import Cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import BIAS, EPOCHS, PERCENTAGES, Record, RunMetrics
from gzslbench.training.trainer import load_class

VARIABLE = "GZSLBENCH_TRACK"
"""Environment variable: names of trackers, separated by commas."""
TEST_BY_EPOCH = "test-peek-by-epoch"
TEST_ONCE = "test-once"
VALIDATION_BY_EPOCH = "validation-by-epoch"
COSTS = ("seconds_train", "seconds_evaluate", "peak_memory_bytes")


def resolve_trackers(names: Sequence[str] = ()) -> list[TrackerSpec]:
    """Return the trackers of these names and of GZSLBENCH_TRACK, each once."""
    of_environment = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    sources = {name: VARIABLE for name in of_environment if name} | dict.fromkeys(names, "--track")
    specs = []
    for name, source in sources.items():
        try:
            spec = plugins().tracker(name)
        except PluginError as error:
            raise PluginError(error.what, where=source, fix=error.fix) from error
        if missing := missing_modules(spec):
            what = f"tracker {name!r} needs {', '.join(missing)}, which is not installed"
            fix = f"pip install '{spec.install}'" if spec.install else f"install it, or leave {name!r} out"
            raise PluginError(what, where=source, fix=fix)
        specs.append(spec)
    return specs


@contextmanager
def track_run(specs: Sequence[TrackerSpec], run: str, folder: RunFolder, device: str) -> Iterator[None]:
    """Report the run with this id to trackers."""
    if not specs:
        yield
        return
    tracking = Tracking(specs, run, folder, device)
    plugins().manager.register(tracking)
    try:
        yield
    except BaseException as error:
        tracking.fail(error)
        raise
    finally:
        plugins().manager.unregister(tracking)


class Tracking:
    """Passes the hooks of a run on to trackers. If one raises, the run continues without it and warns."""

    def __init__(self, specs: Sequence[TrackerSpec], run: str, folder: RunFolder, device: str) -> None:
        self._specs = specs
        self._run = run
        self._folder = folder
        self._device = device
        self._trackers: dict[str, Tracker] = {}
        self._epochs: int | None = None

    @hookimpl
    def gzslbench_run_start(self, run: Cell) -> None:
        """Construct the run's trackers and start them."""
        if run.id != self._run:
            return
        folder = self._folder
        resumed = folder.has_checkpoint()
        if not resumed:
            shutil.rmtree(folder.tracking, ignore_errors=True)
        process = {**environment(torch.device(self._device)), "command": shlex.join(sys.argv)}
        for spec in self._specs:
            with self._guarded(spec.name):
                self._trackers[spec.name] = load_class(spec)()
                tracked = TrackedRun(
                    id=run.id,
                    method=run.method,
                    task=run.task,
                    parameters=flatten(run.as_dict()),
                    environment={name: str(value) for name, value in process.items()},
                    folder=folder,
                    results=folder.path.parent,
                    place=folder.tracking / spec.name,
                    resumed=resumed,
                )
                self._trackers[spec.name].start(tracked)

    @hookimpl
    def gzslbench_epoch_end(self, run: Cell, metrics: Mapping[str, Any]) -> None:
        """Pass on the epoch."""
        if run.id != self._run or not self._trackers:
            return
        if self._epochs is None:  # a resumed run goes on counting
            self._epochs = len(self._folder.metrics()) - 1
        self._epochs += 1
        where = {name: metrics[name] for name in ("leg", "stage", "epoch")}
        epoch = TrackedEpoch(**where, ordinal=self._epochs, numbers=epoch_numbers(metrics, run.select))
        self._call(lambda tracker: tracker.epoch(epoch))

    @hookimpl
    def gzslbench_run_end(self, record: Record) -> None:
        """Pass on the record."""
        if record.id == self._run:
            numbers = record_numbers(record)
            self._call(lambda tracker: tracker.end(record, numbers))
            self._trackers.clear()

    def fail(self, error: BaseException) -> None:
        """Report a run without a record as failed with ``error``."""
        trackers, self._trackers = self._trackers, {}
        for name, tracker in trackers.items():
            with self._guarded(name):
                tracker.fail(error)

    def _call(self, report: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name):
                report(tracker)

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        try:
            with plugin_code():
                yield
        except PluginError as error:
            cause, broken = error.__cause__ or error, self._trackers.pop(name, None)
            warn(f"tracker {name!r} failed and is left out of run {self._run}: {first_line(cause)}")
            if broken is not None:
                with suppress(PluginError), plugin_code():
                    broken.fail(cause)


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` without those that are None; values of inner tables get dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": part for inner, part in flatten(value).items()}
        elif value is not None:
            found[name] = value
    return found


def epoch_numbers(line: Mapping[str, Any], selection: str) -> dict[str, float]:
    """Return the losses of an epoch, ``loss/STAGE/TERM``, and its metrics in percent if it was evaluated.

    The name of a metric says on which classes it was computed. A curve over epochs on the test set is not
    for choosing an epoch, so its name contains ``peek``. With the ``selection`` ``val`` the final fit is
    evaluated once. ``line`` is a line of metrics.jsonl.
    """
    final = line["leg"] == "final"
    loss = "loss" if final else f"{line['leg']}-leg/loss"
    test = TEST_ONCE if selection == "val" else TEST_BY_EPOCH
    evaluated = test if final else VALIDATION_BY_EPOCH
    losses = {f"{loss}/{line['stage']}/{term}": value for term, value in line["losses"].items()}
    return {**losses, **{f"{evaluated}/{name}": value for name, value in line.get("metrics", {}).items()}}


def record_numbers(record: Record) -> dict[str, float]:
    """Return the final numbers: ``result/RULE/METRIC``, ``result/RULE/EPOCH``, and what the run cost."""
    tables: dict[str, RunMetrics] = {f"result/{rule}": numbers for rule, numbers in record.metrics.items()}
    if record.validation is not None:
        tables["chosen-on-validation"] = record.validation
    names = (*PERCENTAGES, *EPOCHS, "gamma", *BIAS)
    numbers = {
        f"{table}/{name}": getattr(values, name)
        for table, values in tables.items()
        for name in names
        if getattr(values, name) is not None
    }
    costs = {f"cost/{name}": getattr(record.run, name) for name in COSTS}
    costs["cost/parameters"] = record.parameters
    return numbers | {name: value for name, value in costs.items() if value is not None}
