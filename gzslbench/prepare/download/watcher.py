"""Who watches a fetch."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Told what happens, as it happens."""

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Something of ``total`` bytes (None: unknown) begins, of which ``done`` are there."""

    def advance(self, count: int) -> None:
        """``count`` bytes more are done."""

    def rest(self) -> None:
        """Nothing is under way until the next ``begin``; a question may follow."""

    def say(self, line: str) -> None:
        """A line for the user."""


class Unwatched:
    """Nobody does."""

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def rest(self) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""
