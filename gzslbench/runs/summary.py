"""What lists and tables need of a record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gzslbench.runs.record import Record

TASK = ("id", "dataset", "features", "semantics", "notes")
RUN = (
    "started",
    "seconds_train",
    "seconds_evaluate",
    "peak_memory_bytes",
    "device",
    "gzslbench",
    "torch",
    "threads",
)


@dataclass(frozen=True)
class Summary:
    """A record without what only its own page shows.

    Attributes:
        id: The run's id.
        status: ``complete`` or ``diverged``.
        cell: Everything that decides the number.
        task: Its id, dataset, features, semantics and notes.
        setting: What was seen besides the seen classes' training rows.
        selection: The rule asked for.
        metrics: By selection rule, percentages and epochs.
        run: When, how long, how much memory, on what.
        parameters: Trained numbers; None where the run diverged.
    """

    id: str
    status: str
    cell: Mapping[str, Any]
    task: Mapping[str, Any]
    setting: str
    selection: str
    metrics: Mapping[str, Mapping[str, Any]]
    run: Mapping[str, Any]
    parameters: int | None

    @classmethod
    def of(cls, record: Record) -> Summary:
        """That of a record."""
        return cls(
            id=record.id,
            status=record.status,
            cell=record.cell,
            task={name: record.task.get(name) for name in TASK},
            setting=record.setting,
            selection=record.selection,
            metrics=record.metrics,
            run={name: record.run.get(name) for name in RUN},
            parameters=record.parameters,
        )

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """What ``to_json`` wrote.

        Raises:
            ValueError: Another version wrote it.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error
