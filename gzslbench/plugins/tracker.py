"""What a tracker is: a tool outside gzslbench that is told of runs as they happen.

Nothing here imports a tracker's package when it is imported; that waits until a run is tracked.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """How to load a tracker, and what it needs.

    Attributes:
        name: What ``--track`` takes, in lower case with hyphens.
        title: The tool's name as its authors write it.
        load: ``package.module:Class``, a ``Tracker`` made without arguments, imported when a run is tracked.
        requires: Modules that must be installed for it.
        install: What pip installs them by, for example ``gzslbench[mlflow]``.
    """

    name: str
    title: str
    load: str
    requires: tuple[str, ...] = ()
    install: str = ""


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker is told of it when it begins, or goes on.

    Attributes:
        id: The cell's id, which is the run's.
        method: Name of the method.
        task: The task's id.
        parameters: By dotted name, everything that decides the numbers; the same however often it goes on.
        environment: By name, in words, what this process runs with: versions, device, command.
        folder: The run's folder in the store; ``metrics.jsonl`` and ``record.json`` lie there.
        results: The folder of all runs.
        place: Where the tracker may write, within ``folder``; whoever writes there makes it. It goes where
            the run goes: set aside by ``--rerun``, removed with the run.
        resumed: Whether it goes on where it was interrupted.
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

    A run that was killed goes on from its last checkpoint, and tells again of the epochs since.

    Attributes:
        leg: ``validation`` or ``final``.
        stage: Name of the method's stage.
        epoch: Number of the epoch in its stage, from 1.
        ordinal: Number of the epoch in the run, from 1, over all legs and stages.
        numbers: By name, losses and percentages; the name tells of an evaluation which classes it was on.
    """

    leg: str
    stage: str
    epoch: int
    ordinal: int
    numbers: Mapping[str, float]


class Tracker(Protocol):
    """Hears of one run, in this order; what it raises is a warning, and it hears no more but ``fail``."""

    def start(self, run: TrackedRun) -> None:
        """The run begins or goes on."""

    def epoch(self, epoch: TrackedEpoch) -> None:
        """An epoch has ended."""

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """The run has ended, complete or diverged; its record is on disk, its final ``numbers`` by name."""

    def fail(self, error: BaseException) -> None:
        """The run stops without a record, or the tracker has raised ``error`` itself."""


def missing_modules(spec: TrackerSpec) -> list[str]:
    """What ``spec`` requires that is not installed; nothing is imported."""
    found = {module: find_spec(module) for module in spec.requires}
    # A folder of that name on the path, as W&B makes one, is found too, and has no origin.
    return [module for module, place in found.items() if place is None or place.origin is None]


def state_after(error: BaseException) -> str:
    """``interrupted`` where the user has stopped the run, else ``failed``."""
    return "interrupted" if isinstance(error, (InterruptedRunError, KeyboardInterrupt)) else "failed"
