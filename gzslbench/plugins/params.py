"""Parameters of a method: frozen dataclasses whose fields have a meaning, a unit and a range.

One schema serves the method's code, its ``defaults.toml``, ``--set name=value``, tuning and the record.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gzslbench.errors import ParamError, did_you_mean

if typing.TYPE_CHECKING:
    from gzslbench.plugins.search_space import Space

P = TypeVar("P", bound="Params")


@dataclasses.dataclass(frozen=True)
class ParamInfo:
    """A parameter: its name, type and default, and what ``param`` says about it."""

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
        """Return the accepted values as text, for example ``> 0`` or ``reference | clean``."""
        choices = ("true", "false") if self.type is bool else self.choices
        if choices:
            return " | ".join(choices)
        bounds = [(">", self.above), (">=", self.low), ("<=", self.high)]
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def check(self, value: Any, where: str) -> Any:
        """Return ``value`` in this parameter's type, or raise a ParamError with the parameter's range."""
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
        """Return the value of a text as given to ``--set``; ``check`` it afterwards."""
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
    """Return a documented field of ``Params``.

    Args:
        default: Its default value.
        doc: What it means.
        low: Smallest value.
        high: Largest value.
        above: Every value is larger than this.
        choices: The accepted texts.
        unit: Its unit.
        search: Where ``gzslbench tune`` looks for its value; None never changes it.
    """
    about: dict[str, Any] = {"doc": doc, "low": low, "high": high, "above": above}
    about |= {"choices": choices, "unit": unit, "search": search}
    return dataclasses.field(default=default, metadata=about)


_CHECKED = "_checked"
"""Attribute of parameters whose values ``build`` has checked; their ``__post_init__`` removes it."""


@dataclasses.dataclass(frozen=True)
class Params:
    """Base of every method's parameters; each value is checked once.

    A ``__post_init__`` of your own, which checks values against each other, calls this one first.

    Raises:
        ParamError: A value has the wrong type or lies outside its range.
    """

    def __post_init__(self) -> None:
        if self.__dict__.pop(_CHECKED, False):
            return
        for info in fields_of(type(self)):
            value = info.check(getattr(self, info.name), type(self).__name__)
            object.__setattr__(self, info.name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return every parameter by name, ready for JSON."""
        return dataclasses.asdict(self)


# Not functools.cache: mypy rejects `type[Params]` as an argument that can be hashed.
_FIELDS: dict[type[Params], tuple[ParamInfo, ...]] = {}
_DEFAULTS: dict[type[Params], Mapping[str, Any]] = {}


def fields_of(cls: type[Params]) -> tuple[ParamInfo, ...]:
    """Return the documented parameters of ``cls``, in the order they are written."""
    if cls not in _FIELDS:
        hints = typing.get_type_hints(cls)
        _FIELDS[cls] = tuple(
            ParamInfo(name=field.name, type=hints[field.name], default=field.default, **field.metadata)
            for field in dataclasses.fields(cls)
        )
    return _FIELDS[cls]


def build(
    cls: type[P],
    values: Mapping[str, Any],
    where: str | Mapping[str, str],
    *,
    checked: Mapping[str, Any] | None = None,
) -> P:
    """Create parameters from values of a file; each value is checked once.

    Args:
        cls: Their class.
        values: Values to check, by name.
        where: Where the values come from, or for each name where its value comes from.
        checked: Values that ``parse_assignments`` has checked; they replace ``values`` of the same name.

    Raises:
        ParamError: A name is unknown, or a value has the wrong type or is out of range.
    """
    infos, accepted = {info.name: info for info in fields_of(cls)}, dict(checked or {})
    for name, value in values.items():
        place = where if isinstance(where, str) else where[name]
        _refuse_unknown(name, infos, place)
        if name not in accepted:
            accepted[name] = infos[name].check(value, place)
    if cls not in _DEFAULTS:
        _DEFAULTS[cls] = {name: info.check(info.default, cls.__name__) for name, info in infos.items()}
    params = object.__new__(cls)
    params.__dict__.update({**_DEFAULTS[cls], **accepted, _CHECKED: True})
    params.__post_init__()
    return params


def parse_assignments(cls: type[Params], assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Return the checked values of ``--set name=value`` options, or of another ``option``."""
    infos = {info.name: info for info in fields_of(cls)}
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            fix = f"write {option} name=value, for example {option} lr=0.001"
            raise ParamError(f"cannot read {assignment!r}", where=option, fix=fix)
        _refuse_unknown(name.strip(), infos, option)
        texts[name.strip()] = text.strip()
    return {name: infos[name].check(infos[name].parse(text, option), option) for name, text in texts.items()}


def _refuse_unknown(name: str, known: Mapping[str, object], where: str) -> None:
    if name not in known:
        raise ParamError(f"no parameter {name!r}", where=where, fix=did_you_mean(name, list(known)))
