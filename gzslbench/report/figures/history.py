"""What metrics.jsonl tells of a training, put in order for drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

METRICS = ("U", "S", "H")


@dataclass(frozen=True)
class Series:
    """Values by epoch, both of one length; epochs count from 1 in each stage."""

    epochs: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """The lines of a run.

    Attributes:
        losses: By stage and ``phase/term``, in the order of the training, a series for each leg.
        metrics: By leg, a series for each of U, S and H, in percent, over the evaluated epochs.
    """

    losses: dict[tuple[str, str], dict[str, Series]]
    metrics: dict[str, dict[str, Series]]

    @property
    def stages(self) -> list[str]:
        """Their names, in order."""
        return list(dict.fromkeys(stage for stage, _ in self.losses))


def history_of(lines: Iterable[Mapping[str, Any]]) -> History:
    """Put the lines of metrics.jsonl in order; what is no finite number is passed over."""
    history = History({}, {})
    for line in lines:
        leg, stage, epoch = str(line.get("leg", "final")), str(line.get("stage", "")), int(line["epoch"])
        for term, value in _numbers(line.get("losses")):
            _add(history.losses.setdefault((stage, term), {}), leg, epoch, value)
        for name, value in _numbers(line.get("metrics")):
            if name in METRICS:
                _add(history.metrics.setdefault(leg, {}), name, epoch, value)
    return history


def _add(series: dict[str, Series], name: str, epoch: int, value: float) -> None:
    found = series.setdefault(name, Series())
    found.epochs.append(epoch)
    found.values.append(value)


def _numbers(values: Any) -> Iterable[tuple[str, float]]:
    for name, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            yield str(name), float(value)
