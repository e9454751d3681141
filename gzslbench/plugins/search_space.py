"""Where to look for a parameter's value: a span of numbers or a few choices, written beside the parameter.

Written out, a space reads as ``gzslbench tune --search`` takes it: ``1e-05..0.001:log``, ``0.1..10``,
``100..2000:100``, ``l2,none``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gzslbench.errors import ParamError

if TYPE_CHECKING:
    from gzslbench.plugins.params import ParamInfo

Value = float | int | str | bool
_LOG = "log"
_HOW = "write LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP, or two values or more with commas between"


@dataclass(frozen=True)
class Span:
    """Numbers from ``low`` to ``high``, both included: evenly, evenly in the logarithm, or in steps."""

    low: float
    high: float
    logarithmic: bool = False
    step: float | None = None

    def __str__(self) -> str:
        how = _LOG if self.logarithmic else self.step
        return f"{self.low}..{self.high}" + ("" if how is None else f":{how}")

    @property
    def samples(self) -> tuple[float, ...]:
        """What the parameter's range must admit."""
        return (self.low, self.high)

    def holding(self, value: Value) -> Span | None:
        """The narrowest span of the same kind with ``value`` in it; None where there is none.

        Steps are laid through ``value``, within the span unless it lies beyond.
        """
        assert isinstance(value, (int, float))
        if self.logarithmic and value <= 0:
            return None
        low, high = min(self.low, value), max(self.high, value)
        if self.step is None:
            return replace(self, low=low, high=high)
        below = math.floor((value - low) / self.step + 1e-9)
        above = math.floor((high - value) / self.step + 1e-9)
        return replace(self, low=value - below * self.step, high=value + above * self.step)

    def complaint(self) -> str | None:
        """What is wrong with the span by itself."""
        if not self.low < self.high:
            return "its low end is not below its high end"
        if self.logarithmic and self.low <= 0:
            return "a logarithmic scale begins above 0"
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            return "its step is not between 0 and its width"
        return None


@dataclass(frozen=True)
class Choices:
    """One of ``values``."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ",".join(
            str(value).lower() if isinstance(value, bool) else str(value) for value in self.values
        )

    @property
    def samples(self) -> tuple[Value, ...]:
        """What the parameter's range must admit."""
        return self.values

    def holding(self, value: Value) -> Choices:
        """The same choices, ``value`` among them."""
        return self if value in self.values else Choices((value, *self.values))

    def complaint(self) -> str | None:
        """What is wrong with the choices by themselves."""
        return None if len(set(self.values)) == len(self.values) > 1 else "it names no two different values"


Space = Span | Choices


def log(low: float, high: float) -> Span:
    """Evenly in the logarithm, from ``low`` above 0 to ``high``."""
    return Span(low, high, logarithmic=True)


def linear(low: float, high: float) -> Span:
    """Evenly from ``low`` to ``high``."""
    return Span(low, high)


def steps(low: float, high: float, step: float) -> Span:
    """``low``, ``low + step`` and so on up to ``high``."""
    return Span(low, high, step=step)


def choices(*values: Value) -> Choices:
    """One of ``values``."""
    return Choices(values)


def check_space(space: Space, info: ParamInfo, where: str) -> None:
    """Refuse a space with a value that the parameter would refuse.

    Raises:
        ParamError: It has one, or is contradictory in itself, or spans numbers for what is no number.
    """
    if isinstance(space, Span) and info.type not in (int, float):
        raise _unfit(space, info, f"it takes {info.type.__name__}", where, "name its values, with commas")
    complaint = space.complaint()
    if complaint is not None:
        raise _unfit(space, info, complaint, where, _HOW)
    for value in space.samples:
        info.check(value, where)
    if info.type is int and isinstance(space, Span) and not isinstance(space.step, (int, type(None))):
        raise _unfit(space, info, "its step is no whole number", where, _HOW)


def parse_space(text: str, info: ParamInfo, where: str) -> Space:
    """The space of the parameter that ``text`` writes.

    Raises:
        ParamError: It writes none, or one that the parameter's range does not admit.
    """
    span, _, how = text.partition(":")
    low, dots, high = span.partition("..")
    space: Space
    if dots:
        ends = [info.check(info.parse(end.strip(), where), where) for end in (low, high)]
        logarithmic = how.strip() == _LOG
        step = None if logarithmic or not how else _step(how, info, where)
        space = Span(ends[0], ends[1], logarithmic, step)
    else:
        space = Choices(tuple(info.check(info.parse(each.strip(), where), where) for each in text.split(",")))
    check_space(space, info, where)
    return space


def _step(text: str, info: ParamInfo, where: str) -> float:
    try:
        step: float = info.type(text)
    except ValueError:
        raise ParamError(f"cannot read {text!r} of parameter {info.name!r}", where=where, fix=_HOW) from None
    return step


def _unfit(space: Space, info: ParamInfo, complaint: str, where: str, fix: str) -> ParamError:
    return ParamError(
        f"parameter {info.name!r} cannot be searched in {space}: {complaint}", where=where, fix=fix
    )
