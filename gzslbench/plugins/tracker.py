"""The contract of a tracker: a tool outside gzslbench that receives runs while they happen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gzslbench.errors import InterruptedRunError

if TYPE_CHECKING:
    from gzslbench.runs.folder import RunFolder
    from gzslbench.runs.record import Record


@dataclass(frozen=True)
class TrackerSpec:
    """How to load a tracker, and what it requires.

    Attributes:
        name: What ``--track`` takes, in lower case with hyphens.
        title: The tool's name as its authors write it.
        load: ``package.module:Class``, a ``Tracker``, imported and called without arguments for each run.
        requires: Modules that must be installed for it.
        install: What to pass to pip install, for example ``gzslbench[mlflow]``.
    """

    name: str
    title: str
    load: str
    requires: tuple[str, ...] = ()
    install: str = ""


@dataclass(frozen=True)
class TrackedRun:
    """A run when it starts or continues.

    Attributes:
        id: The cell's id, which is the run's.
        method: Name of the method.
        task: The task's id.
        parameters: By dotted name, everything that decides the numbers; the same each time the run continues.
        environment: By name, what this process runs with: versions, device, command.
        folder: The run's folder in the store, with ``metrics.jsonl`` and ``record.json``.
        results: The folder of all runs.
        place: A folder in ``folder``, which the tracker may create and write to.
        resumed: Whether the run continues after an interruption.
    """

    id: str
    method: str
    task: str
    parameters: Mapping[str, Any]
    environment: Mapping[str, str]
    folder: RunFolder
    results: Path
    place: Path
    resumed: bool


@dataclass(frozen=True)
class TrackedEpoch:
    """An epoch that has ended.

    A run that was killed continues from its last checkpoint, and reports the epochs since then again.

    Attributes:
        leg: ``validation`` or ``final``.
        stage: Name of the method's stage.
        epoch: Number of the epoch in its stage, from 1.
        ordinal: Number of the epoch in the run, from 1, over all legs and stages.
        numbers: By name, losses and percentages; the name of a percentage says on which classes it is.
    """

    leg: str
    stage: str
    epoch: int
    ordinal: int
    numbers: Mapping[str, float]


class Tracker(Protocol):
    """Receives one run, in this order. If it raises, that is a warning, and only ``fail`` is still called."""

    def start(self, run: TrackedRun) -> None:
        """The run starts or continues."""

    def epoch(self, epoch: TrackedEpoch) -> None:
        """An epoch has ended."""

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """The run has ended, complete or diverged; its record is on disk, its final ``numbers`` by name."""

    def fail(self, error: BaseException) -> None:
        """The run stops without a record, or the tracker has raised ``error`` itself."""


def missing_modules(spec: TrackerSpec) -> list[str]:
    """Return the required modules that are not installed; nothing is imported."""
    missing = list(spec.requires)
    for module in spec.requires:
        with suppress(Exception):  # no name of a module, or its parent package is missing or broken
            # A folder of that name on the path (W&B creates one) is found too, but has no origin.
            if getattr(find_spec(module), "origin", None) is not None:
                missing.remove(module)
    return missing


def state_after(error: BaseException) -> str:
    """Return ``interrupted`` if the user stopped the run, else ``failed``."""
    return "interrupted" if isinstance(error, (InterruptedRunError, KeyboardInterrupt)) else "failed"
