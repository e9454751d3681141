"""Which parameters a study searches, and in which ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, fields_of, parse_assignments
from gzslbench.plugins.search_space import Choices, Space, Span, parse_space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

OPTION = "--search"


def search_spaces(
    spec: MethodSpec, params: Params, settings: Iterable[str], searches: Iterable[str]
) -> dict[str, Space]:
    """Find the space of each parameter that is searched; it contains the parameter's value in ``params``.

    Args:
        spec: The method, whose parameters may declare a space.
        params: The preset, changed by ``settings``.
        settings: ``name=value``, as of ``--set``; these parameters are not searched.
        searches: ``name=space``, as of ``--search``; they are added, or replace the declared space.

    Raises:
        ParamError: A space cannot be read, a parameter is both set and searched, or none is searched.
    """
    fixed = parse_assignments(spec.params, settings)
    requested = _parse_searches(spec, searches)
    for name in requested:
        if name in fixed:
            raise ParamError(
                f"parameter {name!r} is set and searched",
                where=OPTION,
                fix=f"leave out --set {name} or {OPTION} {name}",
            )
    spaces = {info.name: info.search for info in fields_of(spec.params) if info.search is not None}
    chosen = {name: space for name, space in spaces.items() if name not in fixed} | requested
    if not chosen:
        raise ParamError(
            f"{spec.name} has no parameter left to tune",
            where=OPTION,
            fix=f"give {OPTION} NAME=LOW..HIGH[:log]; see `gzslbench methods {spec.name}`",
        )
    return {name: _widen(name, space, params.as_dict()[name]) for name, space in chosen.items()}


def distribution(space: Space) -> BaseDistribution:
    """Convert a space to optuna's form."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(space, Choices):
        return CategoricalDistribution(space.values)
    if isinstance(space.low, int) and isinstance(space.high, int):
        return IntDistribution(space.low, space.high, log=space.logarithmic, step=int(space.step or 1))
    return FloatDistribution(space.low, space.high, log=space.logarithmic, step=space.step)


def _parse_searches(spec: MethodSpec, searches: Iterable[str]) -> dict[str, Space]:
    infos = {info.name: info for info in fields_of(spec.params)}
    spaces: dict[str, Space] = {}
    for text in searches:
        name, equals, where = text.partition("=")
        if not equals:
            raise ParamError(
                f"cannot read {text!r}",
                where=OPTION,
                fix=f"write {OPTION} NAME=LOW..HIGH, for example lr=1e-5..1e-3:log",
            )
        if name.strip() not in infos:
            raise ParamError(
                f"no parameter {name.strip()!r}", where=OPTION, fix=did_you_mean(name.strip(), list(infos))
            )
        if name.strip() in spaces:
            raise ParamError(
                f"parameter {name.strip()!r} is searched twice", where=OPTION, fix=f"give one {OPTION} of it"
            )
        spaces[name.strip()] = parse_space(where, infos[name.strip()], OPTION)
    return spaces


def _widen(name: str, space: Space, value: Any) -> Space:
    """Widen a space if the preset's own value lies outside."""
    wide: Space | None = space.including(value)
    if wide is None:
        raise ParamError(
            f"parameter {name!r} is {value!r} in the preset, which a logarithmic scale does not contain",
            where=f"{OPTION} {name}={space}",
            fix=f"set it with --set {name}=…, or search it evenly: {OPTION} {name}=0..{_high(space)}",
        )
    return wide


def _high(space: Space) -> Any:
    return space.high if isinstance(space, Span) else ""


def format_spaces(spaces: Mapping[str, Space]) -> dict[str, str]:
    """Write spaces as ``--search`` takes them."""
    return {name: str(space) for name, space in spaces.items()}
