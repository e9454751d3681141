"""Checks of what methods and heads say about themselves: spec, parameters, presets, README."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Protocol, get_args

from gzslbench.data.preprocessing import PREPROCESSINGS
from gzslbench.errors import ParamError
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import Kind, MethodSpec
from gzslbench.plugins.params import ParamInfo, Params, build, fields_of
from gzslbench.plugins.presets import load_presets
from gzslbench.plugins.search_space import check_space
from gzslbench.plugins.spec import SETTINGS
from gzslbench.testing.check import CheckFailure, NotApplicable, require
from gzslbench.training.construction import load_class

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_IMPORT_TIMEOUT_S = 120
_NO_TORCH = "import importlib, sys; importlib.import_module(sys.argv[1]); sys.exit('torch' in sys.modules)"


class Case(Protocol):
    """A plugin under check."""

    @property
    def spec(self) -> MethodSpec | HeadSpec:
        """Its spec."""
        ...


def check_citation(spec: MethodSpec | HeadSpec | ExtractorSpec) -> None:
    """Check name, title, paper and url of a spec."""
    allowed = re.sub("[^a-z0-9]+", "-", spec.name.lower()).strip("-")
    require(
        NAME.fullmatch(spec.name) is not None,
        f"the name {spec.name!r} is not lower case with hyphens",
        f"call it {allowed!r}, also in the entry point",
    )
    require(bool(spec.title.strip()), "the spec has no title", "write the name as in the paper in `title`")
    require(
        spec.year is not None,
        f"the paper {spec.paper!r} has no year",
        "write authors, title, venue and year in `paper`; for your own, `Name: Title, unpublished, 2026`",
    )
    require(
        spec.url.startswith(("https://", "http://")),
        f"the url {spec.url!r} is not an http or https address",
        "write the address of the paper or of the code in `url`",
    )


def spec_is_complete(case: Case) -> None:
    """The spec names paper, year, address, kind and setting, and its class can be loaded."""
    spec = case.spec
    check_citation(spec)
    choices: dict[str, tuple[str, ...]] = {"setting": SETTINGS}
    if isinstance(spec, MethodSpec):
        choices |= {"kind": get_args(Kind), "preprocessing": tuple(PREPROCESSINGS)}
    for field, known in choices.items():
        value = getattr(spec, field)
        require(value in known, f"the spec's {field} is {value!r}", f"use one of: {', '.join(known)}")
    valid = isinstance(spec.version, int) and spec.version >= 1
    require(valid, f"the version is {spec.version!r}", "count `version` from 1")
    load_class(spec)


def parameters_are_documented(case: Case) -> None:
    """Every parameter has a description and a range, and its default is in the range."""
    params = case.spec.params
    require(
        isinstance(params, type) and issubclass(params, Params) and is_dataclass(params),
        f"the spec's params are {params!r}",
        "write a frozen dataclass derived from gzslbench.plugins.params.Params",
    )
    bare = [name for name, field in params.__dataclass_fields__.items() if "doc" not in field.metadata]
    require(
        not bare,
        f"not documented: {', '.join(bare)}",
        "define each field by gzslbench.plugins.params.param()",
    )
    for info in fields_of(params):
        require(
            bool(info.doc.strip()),
            f"parameter {info.name!r} has no description",
            "write it as the second argument of param()",
        )
        require(
            bool(info.range) or info.type is bool,
            f"parameter {info.name!r} has no range",
            "give param() low, high, above or choices",
        )
    params()


def parameters_survive_a_record(case: Case) -> None:
    """Parameters that are written to JSON and read again are the same parameters."""
    for params in _all_params(case.spec):
        again = build(type(params), json.loads(json.dumps(params.as_dict())), "a record")
        require(
            again == params,
            f"{params} became {again}",
            "keep the values as the user gave them; compute derived values in the method",
        )


def parameters_out_of_range_are_refused(case: Case) -> None:
    """A value outside a parameter's range is a ParamError that names the parameter."""
    cls = case.spec.params
    outside = [(info, value) for info in fields_of(cls) for value in _values_outside(info)]
    if not outside:
        raise NotApplicable("no parameter has a bound")
    for info, value in outside:
        try:
            cls(**{info.name: value})
        except ParamError as error:
            named = info.name in str(error)
            require(named, f"the error for {info.name}={value!r} does not name it", "name the parameter")
        else:
            raise CheckFailure(
                f"{info.name}={value!r} is accepted, but its range is {info.range}",
                "call super().__post_init__() first in your own __post_init__",
            )


def search_spaces_lie_in_range(case: Case) -> None:
    """Every value of a parameter's search space is in the parameter's range."""
    searched = [info for info in fields_of(case.spec.params) if info.search is not None]
    if not searched:
        raise NotApplicable("no parameter has a search space: `gzslbench tune` needs --search")
    for info in searched:
        assert info.search is not None
        try:
            check_space(info.search, info, f"search space of {info.name}")
        except ParamError as error:
            raise CheckFailure(
                f"parameter {info.name!r} is searched in {info.search}: {error.what}",
                "correct `search` in its param(), or the range",
            ) from error


def presets_name_their_sources(case: Case) -> None:
    """Every table of defaults.toml is valid and says where its numbers come from."""
    presets = load_presets(case.spec)
    if not presets:
        raise NotApplicable("it has no defaults.toml: its own defaults serve every dataset")
    for name, preset in presets.items():
        require(
            bool(preset.source.strip()),
            f"table [{name}] of defaults.toml names no source",
            'add source = "..." to it: the paper, the published code, or "guess"',
        )
        build(case.spec.params, preset.values, f"table [{name}]")


def readme_names_losses_and_parameters(case: Case) -> None:
    """The README next to the code names every loss and every parameter."""
    package = _package(case.spec)
    readme = files(package).joinpath("README.md") if package else None
    if readme is None or not readme.is_file():
        raise NotApplicable("there is no README.md next to the code")
    text = readme.read_text(encoding="utf-8")
    names = [*_losses(case.spec), *(info.name for info in fields_of(case.spec.params))]
    missing = [name for name in names if f"`{name}`" not in text]
    require(not missing, f"README.md does not name {', '.join(missing)}", "write each name in `backquotes`")


def listing_imports_no_torch(case: Case) -> None:
    """Listing the plugin imports no torch, so that `gzslbench methods` stays fast."""
    check_import_without_torch(case.spec.params.__module__)


def check_import_without_torch(module: str) -> None:
    """Check that `module` can be imported in a new process and does not import torch."""
    done = subprocess.run(
        [sys.executable, "-c", _NO_TORCH, module],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=_IMPORT_TIMEOUT_S,
    )
    last_line = done.stderr.strip().rpartition("\n")[2]
    imported = done.returncode in (0, 1) and "Error" not in done.stderr
    require(imported, f"{module} cannot be imported alone: {last_line}", "correct the import")
    require(
        done.returncode == 0,
        f"importing {module} imports torch",
        "import torch in the module that `load` names, inside functions, or under TYPE_CHECKING",
    )


def _all_params(spec: MethodSpec | HeadSpec) -> Iterator[Params]:
    """Yield the parameters by default and of every preset."""
    yield spec.params()
    for name, preset in load_presets(spec).items():
        yield build(spec.params, preset.values, f"table [{name}]")


def _values_outside(info: ParamInfo) -> Iterator[Any]:
    """Yield a value beyond each bound of a parameter."""
    if info.type in (int, float):
        for bound, step in ((info.low, -1), (info.above, 0), (info.high, 1)):
            if bound is not None:
                yield info.type(bound + step)
    elif info.choices:
        yield f"not {info.choices[0]}"


def _package(spec: MethodSpec | HeadSpec) -> str:
    return spec.load.partition(":")[0].rpartition(".")[0]


def _losses(spec: MethodSpec | HeadSpec) -> Iterator[str]:
    """Yield the losses of its class and of its module, and the functions of a module `losses` next to it."""
    yield from (name for name in dir(load_class(spec)) if name.endswith("_loss"))
    losses = f"{_package(spec)}.losses"
    if find_spec(losses):
        yield from _functions(losses)
    yield from (name for name in _functions(spec.load.partition(":")[0]) if name.endswith("_loss"))


def _functions(module: str) -> list[str]:
    """Return the names of the functions that `module` defines."""
    members = inspect.getmembers(import_module(module), inspect.isfunction)
    return [name for name, function in members if function.__module__ == module]


METADATA_CHECKS = (
    spec_is_complete,
    parameters_are_documented,
    parameters_survive_a_record,
    parameters_out_of_range_are_refused,
    search_spaces_lie_in_range,
    presets_name_their_sources,
    readme_names_losses_and_parameters,
    listing_imports_no_torch,
)
"""In the order in which an author should correct them."""
