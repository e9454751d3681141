"""What a run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Progress(Protocol):
    """A watcher of one run; called often, so each call must be cheap."""

    def start(self, leg: str, iterations: int, done: int) -> None:
        """A leg (``validation`` or ``final``) of so many iterations begins, ``done`` of them behind it."""

    def iteration(self) -> None:
        """One iteration is done."""

    def epoch(self, line: Mapping[str, Any]) -> None:
        """An epoch is done; ``line`` is what metrics.jsonl gets."""


class Silent:
    """Watches nothing."""

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Nothing."""

    def iteration(self) -> None:
        """Nothing."""

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Nothing."""
