"""Parameters of a method: frozen dataclasses whose fields know their meaning, unit and range.

One schema serves the method's code, its ``defaults.toml``, ``--set name=value``, tuning and the record.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.plugins.search_space import Space

P = TypeVar("P", bound="Params")


def param(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
    search: Space | None = None,
) -> Any:
    """A documented field: ``low <= value <= high``, ``value > above``, or one of ``choices``.

    ``search``, of ``gzslbench.plugins.search_space``, is where ``gzslbench tune`` looks for its value;
    None leaves it alone.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "doc": doc,
            "low": low,
            "high": high,
            "above": above,
            "choices": choices,
            "unit": unit,
            "search": search,
        },
    )


@dataclasses.dataclass(frozen=True)
class ParamInfo:
    """What ``gzslbench methods NAME`` prints of one parameter."""

    name: str
    type: type
    default: Any
    doc: str
    unit: str
    low: float | None
    high: float | None
    above: float | None
    choices: tuple[str, ...]
    search: Space | None = None

    @property
    def range(self) -> str:
        """The accepted values in words, for example ``> 0`` or ``reference | clean``."""
        choices = ("true", "false") if self.type is bool else self.choices
        if choices:
            return " | ".join(choices)
        bounds = [(">", self.above), (">=", self.low), ("<=", self.high)]
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def check(self, value: Any, where: str) -> Any:
        """``value`` as this parameter's type, or a ParamError naming the parameter and its range."""
        value = float(value) if self.type is float and type(value) is int else value
        if type(value) is not self.type:
            raise ParamError(
                f"parameter {self.name!r} takes {self.type.__name__}, not {value!r}",
                where=where,
                fix=f"{self.doc}; range {self.range or 'any'}, default {self.default!r}",
            )
        if not self._in_range(value):
            raise ParamError(
                f"parameter {self.name!r} is out of range: {value!r}",
                where=where,
                fix=f"choose a value {self.range or 'that is finite'}: {self.doc}",
            )
        return value

    def parse(self, text: str, where: str) -> Any:
        """The value that ``text`` writes, as given to ``--set``."""
        try:
            if self.type is bool:
                return {"true": True, "false": False}[text.lower()]
            return self.type(text)
        except (ValueError, KeyError):
            return self.check(text, where)

    def _in_range(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, (bool, str)):
            return True
        return (
            (isinstance(value, int) or math.isfinite(value))
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )


@dataclasses.dataclass(frozen=True)
class Params:
    """Base of every method's parameters; each field is checked on entry.

    Raises:
        ParamError: A value has the wrong type or lies outside its range.
    """

    def __post_init__(self) -> None:
        for info in fields_of(type(self)):
            value = info.check(getattr(self, info.name), type(self).__name__)
            object.__setattr__(self, info.name, value)

    def as_dict(self) -> dict[str, Any]:
        """Every parameter by name, ready for JSON."""
        return dataclasses.asdict(self)


def fields_of(cls: type[Params]) -> tuple[ParamInfo, ...]:
    """The documented parameters of ``cls``, in the order they are written."""
    if cls not in _FIELDS:
        hints = typing.get_type_hints(cls)
        _FIELDS[cls] = tuple(
            ParamInfo(name=f.name, type=hints[f.name], default=f.default, **f.metadata)
            for f in dataclasses.fields(cls)
        )
    return _FIELDS[cls]


_FIELDS: dict[type[Params], tuple[ParamInfo, ...]] = {}


def build(cls: type[P], values: Mapping[str, Any], where: str) -> P:
    """Make ``cls`` of ``values``; names that are no parameter are refused with a suggestion."""
    infos = {info.name: info for info in fields_of(cls)}
    _refuse_unknown(values, infos, where)
    return cls(**{name: infos[name].check(value, where) for name, value in values.items()})


def parse_assignments(cls: type[Params], assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """The values of ``--set name=value`` options, or of another ``option``, checked against ``cls``."""
    infos = {info.name: info for info in fields_of(cls)}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ParamError(
                f"cannot read {assignment!r}",
                where=option,
                fix=f"write {option} name=value, for example {option} lr=0.001",
            )
        name = name.strip()
        _refuse_unknown([name], infos, option)
        values[name] = infos[name].check(infos[name].parse(text.strip(), option), option)
    return values


def _refuse_unknown(names: Iterable[str], known: Mapping[str, object], where: str) -> None:
    for name in names:
        if name not in known:
            raise ParamError(f"no parameter {name!r}", where=where, fix=did_you_mean(name, list(known)))
