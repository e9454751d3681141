"""Parameters of a method: frozen dataclasses whose fields have a meaning, a unit and a range.

One schema serves the method's code, its ``defaults.toml``, ``--set name=value``, tuning and the record. The
space in which tuning looks for a value is text as well: ``1e-05..0.001:log``, ``0.1..10``, ``l2,none``.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType
from typing import Any, TypeVar

from gzslbench.errors import GzslBenchError, ParamError, PluginError, describe, did_you_mean

P = TypeVar("P", bound="Params")
Value = float | int | str | bool
_FORMS = "write LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP, or two values or more with commas between"


@dataclasses.dataclass(frozen=True)
class Span:
    """Numbers from ``low`` to ``high``, both included: evenly, evenly in the logarithm, or in steps."""

    low: float
    high: float
    logarithmic: bool = False
    step: float | None = None

    def __str__(self) -> str:
        how = "log" if self.logarithmic else self.step
        return f"{self.low}..{self.high}" + ("" if how is None else f":{how}")

    def including(self, value: Value) -> Span | None:
        """Return the narrowest such span with ``value``, on a step if it has steps; None if there is none."""
        assert isinstance(value, (int, float))
        if self.logarithmic and value <= 0:
            return None
        low, high = min(self.low, value), max(self.high, value)
        if self.step is None:
            return dataclasses.replace(self, low=low, high=high)
        # The small number lets rounding not lose a step.
        below = math.floor((value - low) / self.step + 1e-9)
        above = math.floor((high - value) / self.step + 1e-9)
        return dataclasses.replace(self, low=value - below * self.step, high=value + above * self.step)

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


@dataclasses.dataclass(frozen=True)
class Choices:
    """One of ``values``."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        texts = (str(value).lower() if isinstance(value, bool) else str(value) for value in self.values)
        return ",".join(texts)

    def including(self, value: Value) -> Choices:
        """Return the same choices and ``value``."""
        return self if value in self.values else Choices((value, *self.values))

    def problem(self, _type: type) -> str | None:
        """Return why these cannot be searched, or None."""
        distinct = len(set(self.values)) == len(self.values) > 1
        return None if distinct else "it needs two or more different values"


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


@dataclasses.dataclass(frozen=True)
class ParamInfo:
    """A parameter: its name, type and default, and what ``param`` says about it."""

    name: str
    type: type
    default: Any
    doc: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    search: Space | None = None
    omit_default: bool = False

    @property
    def range(self) -> str:
        """Return the accepted values as text, for example ``> 0`` or ``reference | clean``."""
        choices = ("true", "false") if self.type is bool else self.choices
        if choices:
            return " | ".join(choices)
        bounds = [(">", self.above), (">=", self.low), ("<=", self.high)]
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def check(self, value: Any, where: str) -> Any:
        """Return ``value`` in this parameter's type, or raise a ParamError with the parameter's range."""
        if self.type is float and type(value) is int:
            value = float(value) if abs(value) <= sys.float_info.max else math.inf
        if type(value) is not self.type:
            what = f"parameter {self.name!r} takes {self.type.__name__}, not {value!r}"
            fix = f"{self.doc}; range {self.range or 'any'}, default {self.default!r}"
            raise ParamError(what, where=where, fix=fix)
        if not self._in_range(value):
            what = f"parameter {self.name!r} {'cannot be' if self.choices else 'is out of range:'} {value!r}"
            a_value = "" if self.choices else "a value "
            fix = f"choose {a_value}{self.range or 'that is finite'}; it means: {self.doc}"
            raise ParamError(what, where=where, fix=fix)
        return value

    def parse(self, text: str, where: str) -> Any:
        """Return the checked value of a text as given to ``--set``."""
        try:
            value = {"true": True, "false": False}[text.lower()] if self.type is bool else self.type(text)
        except (ValueError, KeyError):
            value = text
        return self.check(value, where)

    def check_space(self, space: Space, where: str) -> Space:
        """Return ``space``, or raise a ParamError if it cannot be searched or has values out of range."""
        if problem := space.problem(self.type):
            what = f"parameter {self.name!r} cannot be searched in {space}: {problem}"
            raise ParamError(what, where=where, fix=_FORMS)
        for value in space.values if isinstance(space, Choices) else (space.low, space.high):
            self.check(value, where)
        return space

    def parse_space(self, text: str, where: str) -> Space:
        """Return the space that ``text`` writes; a ParamError if it cannot be read or searched."""
        span, _, how = text.partition(":")
        low, dots, high = span.partition("..")
        ends = (low, high) if dots else text.split(",")
        if len(ends) == 1:
            problem = "it needs two or more different values"
            raise ParamError(f"parameter {self.name!r}: {problem}, not {text!r}", where=where, fix=_FORMS)
        values = [self.parse(end.strip(), where) for end in ends]
        if not dots:
            return self.check_space(Choices(tuple(values)), where)
        logarithmic = how.strip() == "log"
        try:
            step = None if logarithmic or not how else self.type(how)
        except ValueError:
            what = f"cannot read {how!r} of parameter {self.name!r}"
            raise ParamError(what, where=where, fix=_FORMS) from None
        return self.check_space(Span(values[0], values[1], logarithmic, step), where)

    def _in_range(self, value: Any) -> bool:
        if self.choices or isinstance(value, (bool, str)):
            return not self.choices or value in self.choices
        return (
            (isinstance(value, int) or math.isfinite(value))
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )


def param(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
    search: Space | str | None = None,
    omit_default: bool = False,
) -> Any:
    """Return a documented field of ``Params``.

    Args:
        default: Its default value.
        doc: What it means.
        low: Smallest value.
        high: Largest value.
        above: Every value is larger than this.
        choices: The accepted texts.
        unit: Its unit.
        search: Where ``gzslbench tune`` looks for its value: ``log(1e-5, 1e-3)``, or as in its ``--search``
            ``"1e-5..1e-3:log"``; None never changes it.
        omit_default: Whether records leave it out while it has its default. Use it for a parameter that you
            add to a published method, so that earlier runs keep their ids.
    """
    bounds: dict[str, Any] = {"low": low, "high": high, "above": above, "choices": choices}
    about = {"doc": doc, "unit": unit, "search": search, "omit_default": omit_default}
    return dataclasses.field(default=default, metadata={**bounds, **about})


_CHECKED = "_checked"
"""Attribute of parameters whose values ``build`` has checked; their ``__post_init__`` removes it."""


@dataclasses.dataclass(frozen=True)
class Params:
    """Base of every method's parameters; each value is checked once, and a wrong one is a ParamError.

    A ``__post_init__`` of your own, which checks values against each other, calls this one first.
    """

    def __post_init__(self) -> None:
        if self.__dict__.pop(_CHECKED, False):
            return
        for info in fields_of(type(self)):
            value = info.check(getattr(self, info.name), type(self).__name__)
            object.__setattr__(self, info.name, value)

    if not typing.TYPE_CHECKING:  # type checkers know the fields

        def __getattr__(self, name: str) -> Any:
            known = ", ".join(info.name for info in fields_of(type(self))) or "none"
            what = f"{type(self).__name__} has no parameter {name!r} (it has {known}): is the constructor's"
            raise AttributeError(f"{what} argument annotated, params: MyParams?", name=name, obj=self)

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters of a record by name: all but those that ``omit_default`` leaves out."""
        return {
            info.name: value
            for info in fields_of(type(self))
            if (value := getattr(self, info.name)) != info.default or not info.omit_default
        }


_WRONG = "the parameters {0.__module__}.{0.__qualname__} cannot be used: "
_VALUE, _BOUND, _SPACE = (bool, int, float, str), (int, float, NoneType), (str, Span, Choices, NoneType)
_KINDS: dict[str, Any] = {"default": (*_VALUE, NoneType), "doc": str, "choices": tuple, "search": _SPACE}
_KINDS |= {"low": _BOUND, "high": _BOUND, "above": _BOUND}
# functools.cache would not do: mypy rejects `type[Params]` as an argument that can be hashed.
_FIELDS: dict[type[Params], tuple[ParamInfo, ...]] = {}
_DEFAULTS: dict[type[Params], Mapping[str, Any]] = {}


@contextmanager
def _declaring(cls: type[Params], fix: str) -> Iterator[None]:
    """Turn what the class raises into a PluginError."""
    try:
        yield
    except (GzslBenchError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit too
        raise PluginError(_WRONG.format(cls) + describe(error), fix=fix) from error


def fields_of(cls: type[Params]) -> tuple[ParamInfo, ...]:
    """Return the documented parameters of ``cls``, in the order they are written."""
    if cls not in _FIELDS:
        fix = 'write each like lr: float = param(0.001, "learning rate"); a type is bool, int, float or str'
        with _declaring(cls, fix):
            if cls.as_dict is not Params.as_dict:
                raise TypeError("as_dict is a method of Params, which records call")
            hints = typing.get_type_hints(cls)
            _FIELDS[cls] = tuple(_read(field, hints[field.name], cls) for field in dataclasses.fields(cls))
    return _FIELDS[cls]


def _read(field: dataclasses.Field[Any], type_: Any, cls: type[Params]) -> ParamInfo:
    info = ParamInfo(name=field.name, type=type_, default=field.default, **field.metadata)
    wrong = [name for name, kinds in _KINDS.items() if not isinstance(getattr(info, name), kinds)]
    if wrong or type_ not in (_VALUE if info.name != "epochs" else [int]):
        raise TypeError(f"{info.name} has no valid {wrong[0] if wrong else 'type'}")
    search: Any = info.search
    if isinstance(search, str):
        search = info.parse_space(search, f"{cls.__name__}.{info.name}")
    return dataclasses.replace(info, search=search)


def build(
    cls: type[P],
    values: Mapping[str, Any],
    where: str | Mapping[str, str],
    *,
    checked: Mapping[str, Any] | None = None,
) -> P:
    """Create parameters from values of a file, or raise a ParamError; each value is checked once.

    ``where`` is the place of all values, or of each by name. Values in ``checked`` were checked by
    ``parse_assignments`` already; they replace ``values`` of the same name.
    """
    known = dict(checked or {})
    accepted = {**check_values(cls, values, where, known), **known}
    if cls not in _DEFAULTS:
        _DEFAULTS[cls] = {info.name: info.check(info.default, cls.__name__) for info in fields_of(cls)}
    params = object.__new__(cls)
    params.__dict__.update({**_DEFAULTS[cls], **accepted, _CHECKED: True})
    with _declaring(cls, "raise a ParamError in its __post_init__"):
        params.__post_init__()
    return params


def check_values(
    cls: type[Params], values: Mapping[str, Any], where: str | Mapping[str, str], known: Container[str] = ()
) -> dict[str, Any]:
    """Return the values in the types of their parameters, without those of ``known`` names."""
    infos = {info.name: info for info in fields_of(cls)}
    places = where if isinstance(where, Mapping) else dict.fromkeys(values, where)
    for name in values:
        _refuse_unknown(name, infos, places[name])
    return {
        name: infos[name].check(value, places[name]) for name, value in values.items() if name not in known
    }


def parse_assignments(cls: type[Params], assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Return the checked values of ``--set name=value`` options, or of another ``option``."""
    infos = {info.name: info for info in fields_of(cls)}
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            fix = f"write name=value, for example {option} lr=0.001"
            raise ParamError(f"cannot read {assignment!r}", where=option, fix=fix)
        _refuse_unknown(name.strip(), infos, option)
        texts[name.strip()] = text.strip()
    return {name: infos[name].parse(text, option) for name, text in texts.items()}


def _refuse_unknown(name: str, known: Mapping[str, object], where: str) -> None:
    if name not in known:
        raise ParamError(f"no parameter {name!r}", where=where, fix=did_you_mean(name, list(known)))
