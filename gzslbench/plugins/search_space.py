"""Search spaces: where tuning looks for the value of a parameter, a span of numbers or a few choices.

As text, a space reads as ``gzslbench tune --search`` takes it: ``1e-05..0.001:log``, ``0.1..10``,
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
_FORMS = "write LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP, or two values or more with commas between"


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

    def including(self, value: Value) -> Span | None:
        """Return the narrowest span of the same kind that contains ``value``; None if there is none.

        A span with steps is shifted so that ``value`` is on a step.
        """
        assert isinstance(value, (int, float))
        if self.logarithmic and value <= 0:
            return None
        low, high = min(self.low, value), max(self.high, value)
        if self.step is None:
            return replace(self, low=low, high=high)
        # The small number lets rounding not lose a step.
        below = math.floor((value - low) / self.step + 1e-9)
        above = math.floor((high - value) / self.step + 1e-9)
        return replace(self, low=value - below * self.step, high=value + above * self.step)

    def problem(self, type_: type) -> str | None:
        """Return why a parameter of this type cannot have the span, or None."""
        if type_ not in (int, float):
            return f"it takes {type_.__name__}"
        if not self.low < self.high:
            return "its low end is not below its high end"
        if self.logarithmic and self.low <= 0:
            return "a logarithmic scale starts above 0"
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            return "its step is not between 0 and its width"
        if type_ is int and not isinstance(self.step, (int, type(None))):
            return "its step is not a whole number"
        return None


@dataclass(frozen=True)
class Choices:
    """One of ``values``."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ",".join(
            str(value).lower() if isinstance(value, bool) else str(value) for value in self.values
        )

    def including(self, value: Value) -> Choices:
        """Return the same choices and ``value``."""
        return self if value in self.values else Choices((value, *self.values))


Space = Span | Choices


def log(low: float, high: float) -> Span:
    """Return numbers from ``low``, above 0, to ``high``, uniform in the logarithm."""
    return Span(low, high, logarithmic=True)


def linear(low: float, high: float) -> Span:
    """Return numbers from ``low`` to ``high``, uniform."""
    return Span(low, high)


def steps(low: float, high: float, step: float) -> Span:
    """Return ``low``, ``low + step`` and so on up to ``high``."""
    return Span(low, high, step=step)


def choices(*values: Value) -> Choices:
    """Return one of ``values``."""
    return Choices(values)


def check_space(space: Space, info: ParamInfo, where: str) -> None:
    """Check that the parameter accepts every value of the space.

    Raises:
        ParamError: It does not, the space contradicts itself, or it spans numbers for other values.
    """
    if isinstance(space, Span):
        values: tuple[Value, ...] = (space.low, space.high)
        problem = space.problem(info.type)
    else:
        values = space.values
        distinct = len(set(values)) == len(values) > 1
        problem = None if distinct else "it needs two or more different values"
    if problem is not None:
        what = f"parameter {info.name!r} cannot be searched in {space}: {problem}"
        raise ParamError(what, where=where, fix=_FORMS)
    for value in values:
        info.check(value, where)


def parse_space(text: str, info: ParamInfo, where: str) -> Space:
    """Return the space that ``text`` writes.

    Raises:
        ParamError: It cannot be read, or the parameter does not accept its values.
    """
    span, _, how = text.partition(":")
    low, dots, high = span.partition("..")
    ends = (low, high) if dots else text.split(",")
    values = tuple(info.check(info.parse(end.strip(), where), where) for end in ends)
    space: Space = Choices(values)
    if dots:
        logarithmic = how.strip() == _LOG
        try:
            step = None if logarithmic or not how else info.type(how)
        except ValueError:
            what = f"cannot read {how!r} of parameter {info.name!r}"
            raise ParamError(what, where=where, fix=_FORMS) from None
        space = Span(values[0], values[1], logarithmic, step)
    check_space(space, info, where)
    return space
