"""Which parameters a study searches, and in which ranges."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, Space, fields_of, parse_assignments

OPTION = "--search"


def search_spaces(
    spec: MethodSpec, params: Params, settings: Iterable[str], searches: Iterable[str]
) -> dict[str, Space]:
    """Find the space of each parameter that is searched; it contains the parameter's value in ``params``.

    These are the declared spaces of the method without the parameters of ``settings``, and ``searches``.
    """
    fixed, requested = parse_assignments(spec.params, settings), _parse_searches(spec, searches)
    for name in requested:
        if name in fixed:
            fix = f"leave out --set {name} or {OPTION} {name}"
            raise ParamError(f"parameter {name!r} is set and searched", where=OPTION, fix=fix)
    declared = {info.name: info.search for info in fields_of(spec.params) if info.search is not None}
    spaces = {name: space for name, space in declared.items() if name not in fixed} | requested
    if not spaces:
        fix = f"give {OPTION} NAME=LOW..HIGH[:log]; see `gzslbench methods {spec.name}`"
        raise ParamError(f"{spec.name} has no parameter left to tune", where=OPTION, fix=fix)
    values, wide = params.as_dict(), {}
    for name, space in spaces.items():
        found = space.including(values[name])
        if found is None:
            what = f"parameter {name!r} is {values[name]!r} in the preset, not on a logarithmic scale"
            fix = f"set it with --set {name}=…, or search it without :log"
            raise ParamError(what, where=f"{OPTION} {name}={space}", fix=fix)
        wide[name] = found
    return wide


def _parse_searches(spec: MethodSpec, searches: Iterable[str]) -> dict[str, Space]:
    infos = {info.name: info for info in fields_of(spec.params)}
    spaces: dict[str, Space] = {}
    for text in searches:
        name, equals, where = (part.strip() for part in text.partition("="))
        if not equals:
            fix = f"write {OPTION} NAME=LOW..HIGH, for example lr=1e-5..1e-3:log"
            raise ParamError(f"cannot read {text!r}", where=OPTION, fix=fix)
        if name not in infos:
            fix = did_you_mean(name, list(infos))
            raise ParamError(f"no parameter {name!r}", where=OPTION, fix=fix)
        if name in spaces:
            fix = f"give one {OPTION} of it"
            raise ParamError(f"parameter {name!r} is searched twice", where=OPTION, fix=fix)
        spaces[name] = infos[name].parse_space(where, OPTION)
    return spaces
