"""Arguments of the Python API: their checks, and errors that speak of arguments instead of options."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gzslbench.errors import GzslBenchError, ParamError
from gzslbench.plugins.params import Params, check_values

_RENAMED = {"set": "params", "head-set": "head_params", "seed": "seeds"}
"""Options whose argument has another name."""
_FLAGS = ("resume", "rerun", "skip", "again", "deterministic", "any-parameters")


@contextmanager
def errors_in_python() -> Iterator[None]:
    """Rewrite the errors inside, so that ``--seed`` is ``seeds`` and ``--resume`` is ``resume=True``.

    Used as a decorator, it keeps the type of the function.
    """
    try:
        yield
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
