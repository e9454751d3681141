"""Which epochs of a training a record's numbers come from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gzslbench.evaluation.selection import PEEKS
from gzslbench.runs.record import Record


@dataclass(frozen=True)
class Choice:
    """Epochs of a leg and of its head, their H in percent, and the rules that took them.

    ``peeks`` tells whether the rules look at the test set.
    """

    leg: str
    epoch: int
    head_epoch: int
    H: float
    rules: tuple[str, ...]
    peeks: bool

    @property
    def label(self) -> str:
        """The rules and the epochs, with what a reader must know."""
        epochs = f"epoch {self.epoch}, head's epoch {self.head_epoch}"
        how = ", chosen on TEST" if self.peeks else ""
        return textwrap.fill(f"{', '.join(self.rules)}: {epochs}{how}", 32, break_on_hyphens=False)


def choices_of(record: Record) -> Iterator[Choice]:
    """The headline's epoch first, then that chosen on validation classes, then those chosen on test.

    Rules that look at the test and took the same epochs share one.
    """
    rules = [rule for rule in record.metrics if rule not in PEEKS]
    for rule in sorted(rules, key=lambda rule: rule != record.selection):
        yield _choice("final", record.metrics[rule], (rule,))
    if record.validation is not None:
        yield _choice("validation", record.validation, ("best H of validation classes",))
    peeked: dict[tuple[int, int], list[str]] = {}
    for rule in PEEKS:
        if rule in record.metrics:
            numbers = record.metrics[rule]
            peeked.setdefault((numbers["epoch"], numbers["head_epoch"]), []).append(rule)
    for shared in peeked.values():
        yield _choice("final", record.metrics[shared[0]], tuple(shared), peeks=True)


def _choice(leg: str, numbers: Mapping[str, Any], rules: tuple[str, ...], peeks: bool = False) -> Choice:
    return Choice(leg, numbers["epoch"], numbers["head_epoch"], numbers["H"], rules, peeks)
