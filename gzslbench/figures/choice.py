"""Which epochs of a training a record's numbers come from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from gzslbench.evaluation.selection import PEEKS
from gzslbench.results.record import Record


@dataclass(frozen=True)
class Choice:
    """An epoch of a leg and its H in percent, the rules that took it, and whether they looked at the test."""

    leg: str
    epoch: int
    H: float
    rules: tuple[str, ...]
    peeks: bool

    @property
    def label(self) -> str:
        """The rules and the epoch, with what a reader must know."""
        how = ", chosen on TEST" if self.peeks else ""
        return textwrap.fill(f"{', '.join(self.rules)}: epoch {self.epoch}{how}", 32, break_on_hyphens=False)


def choices_of(record: Record) -> Iterator[Choice]:
    """The headline's epoch first, then that chosen on validation classes, then those chosen on test.

    Rules that took the same numbers share one.
    """
    rules = [rule for rule in record.metrics if rule not in PEEKS]
    for rule in sorted(rules, key=lambda rule: rule != record.selection):
        numbers = record.metrics[rule]
        yield Choice("final", numbers["epoch"], numbers["H"], (rule,), peeks=False)
    chosen = record.validation or {}
    if "epoch" in chosen and "H" in chosen:
        yield Choice("validation", chosen["epoch"], chosen["H"], ("best H of validation classes",), False)
    peeked: dict[tuple[int, float], list[str]] = {}
    for rule in PEEKS:
        if rule in record.metrics:
            numbers = record.metrics[rule]
            peeked.setdefault((numbers["epoch"], numbers["H"]), []).append(rule)
    for (epoch, H), shared in peeked.items():
        yield Choice("final", epoch, H, tuple(shared), peeks=True)
