"""Checks of what methods and heads say about themselves: spec, parameters, presets, README."""

from __future__ import annotations

import inspect
import json
import sys
from contextlib import suppress

from gzslbench.data.preprocessing import PREPROCESSINGS
from gzslbench.errors import ParamError
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import build, fields_of
from gzslbench.plugins.presets import find_beside, load_presets
from gzslbench.plugins.spec import METHOD_KINDS, SETTINGS
from gzslbench.testing.check import (
    CheckFailure,
    NotApplicable,
    require,
    require_citation,
    require_import_without_torch,
)
from gzslbench.training.trainer import load_class

Spec = MethodSpec | HeadSpec


def spec_is_complete(spec: Spec) -> None:
    """The spec names paper, year, address, kind and setting, and its class can be loaded."""
    if not getattr(spec, "code", ""):  # a class in no package needs no paper yet
        require_citation(spec)
    choices: dict[str, tuple[str, ...]] = {"setting": SETTINGS}
    if isinstance(spec, MethodSpec):
        choices |= {"kind": METHOD_KINDS, "preprocessing": tuple(PREPROCESSINGS)}
    for field, known in choices.items():
        value = getattr(spec, field)
        require(value in known, f"the spec's {field} is {value!r}", f"use one of: {', '.join(known)}")
    require(spec.version >= 1, f"the version is {spec.version!r}", "count `version` from 1")
    load_class(spec)


def parameters_are_documented(spec: Spec) -> None:
    """Every parameter has a description and a range, and its default is in the range."""
    params, infos = spec.params, fields_of(spec.params)
    bare = [name for name, field in params.__dataclass_fields__.items() if "doc" not in field.metadata]
    require(not bare, f"not documented: {', '.join(bare)}", "define each field by param()")
    for info in infos:
        fix = "write it as the second argument of param()"
        require(bool(info.doc.strip()), f"parameter {info.name!r} has no description", fix)
        fix = "give param() low, high, above or choices"
        require(bool(info.range), f"parameter {info.name!r} has no range", fix)
    params()


def parameters_survive_a_record(spec: Spec) -> None:
    """Parameters that are written to JSON and read again are the same parameters."""
    presets = [build(spec.params, preset.values, "") for preset in load_presets(spec).values()]
    for params in (spec.params(), *presets):
        again = build(type(params), json.loads(json.dumps(params.as_dict())), "a record")
        fix = "keep the values as the user gave them; compute derived values in the method"
        require(again == params, f"{params} became {again}", fix)


def wrong_parameters_are_refused(spec: Spec) -> None:
    """A value of a wrong type is a ParamError."""
    for info in fields_of(spec.params):
        with suppress(ParamError):
            spec.params(**{info.name: None})
            fix = "call super().__post_init__() first in your own __post_init__"
            raise CheckFailure(f"{info.name}=None is accepted", fix)


def search_spaces_lie_in_range(spec: Spec) -> None:
    """Every value of a parameter's search space is in the parameter's range."""
    searched = [(info, info.search) for info in fields_of(spec.params) if info.search is not None]
    if not searched:
        raise NotApplicable("no parameter has a search space: `gzslbench tune` needs --search")
    for info, space in searched:
        try:
            info.check_space(space, f"search space of {info.name}")
        except ParamError as error:
            what = f"parameter {info.name!r} is searched in {space}: {error.what}"
            raise CheckFailure(what, "correct `search` in its param(), or the range") from error


def presets_name_their_sources(spec: Spec) -> None:
    """Every table of defaults.toml is valid and says where its numbers come from."""
    presets = load_presets(spec)
    if not presets:
        raise NotApplicable("it has no defaults.toml: its own defaults serve every dataset")
    for name, preset in presets.items():
        fix = 'add source = "..." to it: the paper, the published code, or "guess"'
        require(bool(preset.source.strip()), f"table [{name}] of defaults.toml names no source", fix)


def readme_names_losses_and_parameters(spec: Spec) -> None:
    """The README next to the code names every loss and every parameter."""
    cls = load_class(spec)
    readme = find_beside(spec, "README.md")
    if readme is None:
        raise NotApplicable("there is no README.md next to the code")
    functions = inspect.getmembers(sys.modules[cls.__module__], inspect.isfunction)
    own = [name for name, function in functions if function.__module__ == cls.__module__]
    losses = [name for name in (*dir(cls), *own) if name.endswith("_loss")]
    names = [*losses, *(info.name for info in fields_of(spec.params))]
    text = readme.read_text(encoding="utf-8")
    missing = [name for name in names if f"`{name}`" not in text]
    require(not missing, f"README.md does not name {', '.join(missing)}", "write each name in `backquotes`")


def listing_imports_no_torch(spec: Spec) -> None:
    """Listing the plugin imports no torch, so that `gzslbench methods` stays fast."""
    if getattr(spec, "code", ""):
        raise NotApplicable("it is in no package")
    require_import_without_torch(spec.params.__module__)
