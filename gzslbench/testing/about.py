"""What methods and heads say of themselves: spec, parameters, presets, README."""

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
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import Kind, MethodSpec
from gzslbench.plugins.params import ParamInfo, Params, build, fields_of
from gzslbench.plugins.presets import load_presets
from gzslbench.plugins.search_space import check_space
from gzslbench.plugins.spec import SETTINGS
from gzslbench.testing.check import CheckFailure, NotApplicable, demand
from gzslbench.training.construction import load_class

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NO_TORCH = "import importlib, sys; importlib.import_module(sys.argv[1]); sys.exit('torch' in sys.modules)"


class Described(Protocol):
    """A case with a spec."""

    @property
    def spec(self) -> MethodSpec | HeadSpec:
        """The spec under check."""
        ...


def spec_is_complete(case: Described) -> None:
    """The spec names paper, year, address, kind and setting, and its class can be loaded."""
    spec = case.spec
    demand(
        NAME.fullmatch(spec.name) is not None,
        f"the name {spec.name!r} is not lower case with hyphens",
        f"call it {re.sub('[^a-z0-9]+', '-', spec.name.lower()).strip('-')!r}, also in the entry point",
    )
    demand(bool(spec.title.strip()), "the spec has no title", "write the name as its paper does in `title`")
    demand(
        spec.year is not None,
        f"the paper {spec.paper!r} names no year",
        "write authors, title, venue and year in `paper`; for your own, `Name: Title, unpublished, 2026`",
    )
    demand(
        spec.url.startswith(("https://", "http://")),
        f"the url {spec.url!r} is none",
        "give the address of the paper or of the code in `url`",
    )
    for field, known in _choices(spec).items():
        given = getattr(spec, field)
        demand(given in known, f"the spec's {field} is {given!r}", f"choose {field} among {', '.join(known)}")
    demand(
        isinstance(spec.version, int) and spec.version >= 1,
        f"the version is {spec.version!r}",
        "count `version` from 1",
    )
    load_class(spec)


def parameters_are_documented(case: Described) -> None:
    """Every parameter says what it means and what it takes, and its default lies in its range."""
    params = case.spec.params
    demand(
        isinstance(params, type) and issubclass(params, Params) and is_dataclass(params),
        f"the parameters are {params!r}",
        "make them a frozen dataclass derived from gzslbench.plugins.params.Params",
    )
    bare = [name for name, each in params.__dataclass_fields__.items() if "doc" not in each.metadata]
    demand(
        not bare,
        f"undocumented: {', '.join(bare)}",
        "make each field with gzslbench.plugins.params.param(...)",
    )
    for info in fields_of(params):
        demand(
            bool(info.doc.strip()),
            f"parameter {info.name!r} does not say what it means",
            "write it as the second argument of param()",
        )
        demand(
            bool(info.range) or info.type is bool,
            f"parameter {info.name!r} has no range",
            "give param() low, high, above or choices",
        )
    params()


def parameters_survive_a_record(case: Described) -> None:
    """Parameters written to JSON and read again are the same parameters."""
    for params in _every_params(case.spec):
        again = build(type(params), json.loads(json.dumps(params.as_dict())), "a record")
        demand(
            again == params,
            f"{params} came back as {again}",
            "leave the values as the user gave them; compute what follows from them in the method",
        )


def parameters_out_of_range_are_refused(case: Described) -> None:
    """A value beyond a parameter's range is a ParamError that names the parameter."""
    cls = case.spec.params
    beyond = [(info, value) for info in fields_of(cls) for value in _beyond(info)]
    if not beyond:
        raise NotApplicable("no parameter has a bound")
    for info, value in beyond:
        try:
            cls(**{info.name: value})
        except ParamError as error:
            demand(
                info.name in str(error), f"{info.name}={value!r} is refused namelessly", "name the parameter"
            )
        else:
            demand(
                False,
                f"{info.name}={value!r} is accepted, though its range is {info.range}",
                "call super().__post_init__() first in a __post_init__ of your own",
            )


def search_spaces_lie_in_range(case: Described) -> None:
    """Where a parameter is to be tuned, every value of its search space is one that it takes."""
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
                "mend `search` of its param(), or the range",
            ) from error


def presets_name_their_sources(case: Described) -> None:
    """Every table of defaults.toml builds and says where its numbers come from."""
    presets = load_presets(case.spec)
    if not presets:
        raise NotApplicable("no defaults.toml beside the code: its own defaults serve every dataset")
    for name, found in presets.items():
        demand(
            bool(found.source.strip()),
            f"table [{name}] of defaults.toml names no source",
            'add source = "..." to it: the paper, the published code, or "guess"',
        )
        build(case.spec.params, found.values, f"table [{name}]")


def readme_names_losses_and_parameters(case: Described) -> None:
    """The README beside the code names every loss and every parameter."""
    package = _package(case.spec)
    readme = files(package).joinpath("README.md") if package else None
    if readme is None or not readme.is_file():
        raise NotApplicable("no README.md beside the code")
    text = readme.read_text(encoding="utf-8")
    names = [*_losses(case.spec), *(info.name for info in fields_of(case.spec.params))]
    missing = [name for name in names if f"`{name}`" not in text]
    demand(not missing, f"README.md does not name {', '.join(missing)}", "write each of them in `backquotes`")


def listing_imports_no_torch(case: Described) -> None:
    """Listing it imports no torch, so that `gzslbench methods` stays quick."""
    import_without_torch(case.spec.params.__module__)


def import_without_torch(module: str) -> None:
    """Fail where ``module`` cannot be imported by itself, or brings torch."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", _NO_TORCH, module],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    demand(
        done.returncode in (0, 1) and "Error" not in done.stderr,
        f"{module} cannot be imported by itself: {done.stderr.strip().rpartition(chr(10))[2]}",
        "mend that import",
    )
    demand(
        done.returncode == 0,
        f"importing {module} imports torch",
        "import torch in the module that `load` names, inside functions, or under TYPE_CHECKING",
    )


def _choices(spec: MethodSpec | HeadSpec) -> dict[str, tuple[str, ...]]:
    if isinstance(spec, HeadSpec):
        return {"setting": SETTINGS}
    return {"kind": get_args(Kind), "setting": SETTINGS, "preprocessing": tuple(PREPROCESSINGS)}


def _every_params(spec: MethodSpec | HeadSpec) -> Iterator[Params]:
    yield spec.params()
    for name, found in load_presets(spec).items():
        yield build(spec.params, found.values, f"table [{name}]")


def _beyond(info: ParamInfo) -> Iterator[Any]:
    if info.type in (int, float):
        for bound, step in ((info.low, -1), (info.above, 0), (info.high, 1)):
            if bound is not None:
                yield info.type(bound + step)
    elif info.choices:
        yield f"not {info.choices[0]}"


def _package(spec: MethodSpec | HeadSpec) -> str:
    return spec.load.partition(":")[0].rpartition(".")[0]


def _losses(spec: MethodSpec | HeadSpec) -> Iterator[str]:
    """The losses of its class and of its module, and the functions of a module ``losses`` next to it."""
    yield from (name for name in dir(load_class(spec)) if name.endswith("_loss"))
    beside = f"{_package(spec)}.losses"
    if find_spec(beside):
        yield from _functions(beside)
    own = spec.load.partition(":")[0]
    yield from (name for name in _functions(own) if name.endswith("_loss"))


def _functions(module: str) -> list[str]:
    """The names of the functions that ``module`` defines."""
    members = inspect.getmembers(import_module(module), inspect.isfunction)
    return [name for name, function in members if function.__module__ == module]


ABOUT = (
    spec_is_complete,
    parameters_are_documented,
    parameters_survive_a_record,
    parameters_out_of_range_are_refused,
    search_spaces_lie_in_range,
    presets_name_their_sources,
    readme_names_losses_and_parameters,
    listing_imports_no_torch,
)
"""In the order in which an author mends them."""
