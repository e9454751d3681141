"""What a case measured: rows, and their JSON."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gzslbench.computing.device import environment
from gzslbench.files import write_atomically
from gzslbench_benchmarks.speed.conditions import Conditions

VERSIONS = ("gzslbench", "python", "torch", "numpy")


@dataclass
class Row:
    """One contestant under one setting.

    Attributes:
        seconds: Of each round, in their order.
        peak_bytes: The most memory taken, apart from what was in use before.
        failure: Why the contestant stopped.
    """

    setting: str
    contestant: str
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int | None = None
    failure: str | None = None

    @property
    def median(self) -> float | None:
        """Seconds, over the rounds."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def has_anything(self) -> bool:
        """Whether anything was measured."""
        return bool(self.seconds) or self.peak_bytes is not None or self.failure is not None


@dataclass
class Measurement:
    """A case, its conditions and its rows; the other rows of a setting are compared with its first.

    Attributes:
        commit: Of the sources that are measured, where they are a checkout.
    """

    case: str
    title: str
    conditions: Conditions
    threads: int
    commit: str | None
    rows: list[Row] = field(default_factory=list)
    computed: dict[str, str] = field(default_factory=dict)
    complete: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON; ``ratio`` and ``peak_ratio`` are to the setting's first row."""
        found = environment(self.conditions.device)
        return {
            "case": self.case,
            "title": self.title,
            "date": datetime.now(timezone.utc).date().isoformat(),
            "device": found["device"] if self.conditions.on_cuda else _processor(),
            "versions": {name: found[name] for name in VERSIONS},
            "commit": self.commit,
            "threads": self.threads,
            "clock": self.conditions.clock,
            "precision": self.conditions.precision,
            "quick": self.conditions.quick,
            "computed": self.computed,
            "complete": self.complete,
            "rows": list(_compared([row for row in self.rows if row.has_anything])),
        }


def _compared(rows: Sequence[Row]) -> Iterable[dict[str, Any]]:
    first: dict[str, Row] = {}
    for row in rows:
        ours = first.setdefault(row.setting, row)
        yield {
            "setting": row.setting,
            "contestant": row.contestant,
            "seconds": row.seconds,
            "median": row.median,
            "ratio": _ratio(row.median, ours.median),
            "peak_bytes": row.peak_bytes,
            "peak_ratio": _ratio(row.peak_bytes, ours.peak_bytes),
            "failure": row.failure,
        }


def _ratio(value: float | None, ours: float | None) -> float | None:
    return value / ours if value is not None and ours else None


def _processor() -> str:
    """Return the processor's name on Linux, else the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def write_measured(path: Path, measured: Sequence[Mapping[str, Any]]) -> None:
    """Write ``measured`` as a JSON list, atomically.

    Raises:
        StoreError: It cannot be written.
    """
    write_atomically(path, (json.dumps(measured, indent=1, allow_nan=False) + "\n").encode())
