"""Errors a user can cause. The command line prints them without a traceback and exits 2."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any


class GzslBenchError(Exception):
    """An error that the user can fix: what happened, where, and what to do about it."""

    def __init__(self, what: str, *, where: object = None, fix: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.fix = fix
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return one line for what happened, one for where, and one for what to do."""
        lines = [self.what]
        if self.where is not None:
            lines.append(f"  where: {self.where}")
        if self.fix is not None:
            lines.append(f"  to do: {self.fix}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message without the traceback."""
        return [f"{type(self).__name__}: {self}"]


class DataError(GzslBenchError):
    """A dataset, feature, semantics or split file is missing, damaged or contradicts itself."""


class ExtractionError(GzslBenchError):
    """An image, or the weights of an extractor, are missing, damaged or of another kind."""


class EncoderError(GzslBenchError):
    """A text encoder is unknown, not installed, or its model is missing, damaged or of another kind."""


class PluginError(GzslBenchError):
    """A plugin is unknown, cannot be loaded, or breaks its contract."""


class ExecutorError(GzslBenchError):
    """An executor is missing a package, or its cluster cannot be reached or is gone."""


class ParamError(GzslBenchError):
    """A parameter is unknown, of the wrong type, or out of range."""


class StoreError(GzslBenchError):
    """The results folder cannot be written, or something in it is damaged."""


class CheckpointError(GzslBenchError):
    """A checkpoint is damaged, or belongs to another run."""


class DeviceError(GzslBenchError):
    """This machine does not have the device or precision."""


class DivergedError(GzslBenchError):
    """The loss ``term`` of ``stage`` became NaN or infinite in ``epoch`` (counted from 1)."""

    def __init__(self, term: str, value: float, stage: str, epoch: int) -> None:
        self.term, self.value, self.stage, self.epoch = term, value, stage, epoch
        super().__init__(
            f"loss {term} became {value}",
            where=f"stage {stage}, epoch {epoch}",
            fix="lower the learning rate, or change the seed, the batch size or the loss weights",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again, for pickle; other processes send it to this one."""
        return type(self), (self.term, self.value, self.stage, self.epoch)


class InterruptedRunError(GzslBenchError):
    """The user stopped a run; its checkpoint is on disk."""


def describe(error: BaseException) -> str:
    """Return the type and the text of an error; the code of a plugin that writes the text may raise too."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException as other:
        return f"{type(error).__name__}, whose text raises {type(other).__name__}"


def first_line(error: BaseException) -> str:
    """Return the type of an error and the first line of its text."""
    return describe(error).partition("\n")[0]


def warn(text: str) -> None:
    """Warn about a plugin; it stays a warning even if warnings are errors: a broken plugin stops no run."""
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=3)
    except RuntimeWarning as warning:
        warnings.showwarning(warning, RuntimeWarning, __file__, 0)


def did_you_mean(name: str, known: list[str]) -> str:
    """Return the advice for an unknown name: the nearest known name in any case, then all known names."""
    near = nearest(name, known)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{hint}known: {', '.join(sorted(known)) or 'none'}"


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that is most like ``name``, in any case; None if no one is."""
    import difflib

    by_lower = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(f"{name}".casefold(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def shorten(lines: Sequence[str], most: int = 10) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]
