"""Arguments of the Python API: their checks, and errors that speak of arguments instead of options."""

from __future__ import annotations

import errno
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from gzslbench.errors import GzslBenchError, ParamError
from gzslbench.plugins.params import Params, check_values

_RENAMED = {"set": "params", "head-set": "head_params", "seed": "seeds"}
"""Options whose argument has another name."""
_WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
_WORDS |= {NoneType: "None", Mapping: "a dictionary", Sequence: "a list", Iterable: "a list"}
_P = ParamSpec("_P")
_T = TypeVar("_T")
_FLAGS = ("resume", "rerun", "skip", "again", "deterministic", "any-parameters")


def check_arguments(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a function's errors speak of its arguments; it is a decorator for the functions of the API.

    Numbers of numpy and torch become those of Python, because ids are computed from them. If the function
    raises an error of Python, and an argument has another type than its annotation says, it is a ParamError.
    Errors say ``seeds`` for ``--seed``, and ``resume=True`` for ``--resume``.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:  # too few arguments or an unknown one: Python says so
            return function(*args, **kwargs)
        types = {name: _types_of(hint) for name, hint in get_type_hints(function).items()}
        values = given.arguments
        try:
            values |= {name: _plain(name, value, types.get(name)) for name, value in values.items()}
            return function(*given.args, **given.kwargs)
        except GzslBenchError as error:
            error.what = _in_python(error.what)
            error.where = error.where and _in_python(error.where)
            error.fix = error.fix and _in_python(error.fix)
            raise
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            what = f"the name is too long: {error.filename!s:.60}…"
            raise GzslBenchError(what, fix="give a shorter name") from error
        except Exception as error:
            for name, value in values.items():
                several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
                for one in value if several else (value,):
                    if not _fits(one, known := types.get(name)):
                        fix = f"give {' or '.join(_WORDS.get(kind, kind.__name__) for kind in known or ())}"
                        raise ParamError(f"{name} cannot be {one!r:.80}", where=name, fix=fix) from error
            raise

    return checked


def _types_of(hint: Any) -> tuple[type, ...] | None:
    """Return the types that an annotation allows, without those of elements; None if it has others."""
    union = get_origin(hint) in (Union, UnionType)
    kinds = [get_origin(one) or one for one in (get_args(hint) if union else (hint,))]
    kinds = [str if kind is Literal else kind for kind in kinds]
    known = all(isinstance(kind, type) and not getattr(kind, "_is_protocol", False) for kind in kinds)
    return tuple(kinds) if known and Any not in kinds else None


def _plain(name: str, value: Any, types: tuple[type, ...] | None) -> Any:
    """Return a number of numpy or torch as one of Python; a ParamError if a flag is not a bool."""
    is_array = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    if is_array and types and {bool, int, float} & {*types}:
        value = value.item()
    if types == (bool,):
        require_type(name, value, types, "give True or False")
    return value


def _fits(value: Any, types: tuple[type, ...] | None) -> bool:
    if types is None or isinstance(value, types):
        texts = isinstance(value, Sequence) and not isinstance(value, str)
        return not (texts and types and str in types) or all(isinstance(text, str) for text in value)
    return isinstance(value, int) and float in types


def _in_python(text: str) -> str:
    def argument(found: re.Match[str]) -> str:
        name = _RENAMED.get(found[1], found[1]).replace("-", "_")
        return f"{name}=True" if found[1] in _FLAGS else name

    return re.sub(r"(?<![\w-])--([a-z][a-z-]*[a-z])", argument, text)


def write_assignments(cls: type[Params], values: Mapping[str, Any] | None, argument: str) -> tuple[str, ...]:
    """Check values of parameters, and write them as ``--set`` takes them: ``name=value``."""
    fix = f'write a dictionary, for example {argument}={{"epochs": 10}}'
    require_type(argument, values, (Mapping, type(None)), fix)
    plain = {
        name: getattr(value, "item", lambda value=value: value)() for name, value in (values or {}).items()
    }
    checked = check_values(cls, plain, argument)
    return tuple(f"{name}={value}" for name, value in checked.items())


def read_seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Return one or more seeds as a tuple; a ParamError if one is not a whole number from 0."""
    several = isinstance(seeds, Iterable) and not isinstance(seeds, str)
    found: tuple[Any, ...] = tuple(seeds) if several else (seeds,)  # type: ignore[arg-type]
    for seed in found or (seeds,):
        require_count("seeds", seed)
    return tuple(dict.fromkeys(map(int, found)))


def require_count(argument: str, value: Any, least: int = 0) -> None:
    """Raise a ParamError unless ``value`` is a whole number of at least ``least``."""
    is_whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not is_whole or value < least:
        fix = f"give a whole number from {least}"
        raise ParamError(f"{argument} cannot be {value!r}", where=argument, fix=fix)


def require_type(argument: str, value: object, kinds: tuple[type, ...], fix: str) -> None:
    """Raise a ParamError with ``fix`` unless ``value`` is of one of the types."""
    if not isinstance(value, kinds):
        raise ParamError(f"{argument} cannot be {value!r}", where=argument, fix=fix)


def require_choice(argument: str, value: object, known: Iterable[object]) -> None:
    """Raise a ParamError unless ``value`` is one of ``known``."""
    known = list(known)
    if value not in known:
        fix = f"choose one of: {', '.join(map(str, known))}"
        raise ParamError(f"{argument} cannot be {value!r}", where=argument, fix=fix)
