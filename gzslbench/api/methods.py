"""Methods: list them, register a class of this process, and check that a plugin keeps its contract."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, overload

from gzslbench.api.arguments import check_arguments, require_choice, require_type
from gzslbench.api.tables import TableView, make_table
from gzslbench.errors import PluginError
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import METHOD_KINDS, SETTINGS, Kind, Setting
from gzslbench.plugins.unpackaged import keep_class
from gzslbench.report.tables import ResultTable
from gzslbench.report.terminal.plugins import parameters_json

if TYPE_CHECKING:
    from gzslbench.testing.check import Outcome, Status

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, repr=False)
class Methods(TableView, Mapping[str, MethodSpec]):
    """The methods by name."""

    specs: Mapping[str, MethodSpec]

    def __getitem__(self, name: str) -> MethodSpec:
        return self.specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per method."""
        columns = ("name", "title", "year", "kind", "setting", "paper")
        return [{name: getattr(spec, name) for name in columns} for spec in self.specs.values()]

    def tables(self) -> Sequence[ResultTable]:
        """Return the methods as a table."""
        return [make_table(f"{len(self)} methods", self.rows(), ["describe one: gzslbench.methods(NAME)"])]


@dataclass(frozen=True, repr=False)
class MethodDescription(TableView):
    """A method: its ``spec``, its parameters, and its settings for single datasets."""

    spec: MethodSpec

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per parameter."""
        columns = ("name", "type", "default", "range", "unit", "search")
        rows = parameters_json(self.spec)["parameters"]
        return [{**{name: row[name] for name in columns}, "meaning": row["doc"]} for row in rows]

    def tables(self) -> Sequence[ResultTable]:
        """Return the parameters as a table; the notes are the presets that differ."""
        spec, presets = self.spec, parameters_json(self.spec)["presets"]
        about = ", ".join(filter(None, [spec.name, spec.kind, spec.setting, spec.paper]))
        rows = [{**row, "default": str(row["default"])} for row in self.rows()]
        notes = [
            f"{name}: {', '.join(f'{key}={value}' for key, value in found['values'].items())}"
            for name, found in presets.items()
            if found["values"]
        ]
        return [make_table(f"{spec.title} ({about})", rows, notes)]


@overload
def methods() -> Methods: ...
@overload
def methods(name: str) -> MethodDescription: ...
@check_arguments
def methods(name: str | None = None) -> Methods | MethodDescription:
    """Return all methods, or describe one: its parameters and its settings for single datasets.

    Args:
        name: The name of a method.

    Raises:
        PluginError: There is no such method.
    """
    return Methods(plugins().methods()) if name is None else MethodDescription(plugins().method(name))


@check_arguments
def register(
    cls: type[Any],
    *,
    name: str | None = None,
    params: type[Params] | None = None,
    kind: Kind | None = None,
    setting: Setting = "inductive",
    preprocessing: str = "minmax",
    title: str | None = None,
    paper: str = "",
    url: str = "",
) -> MethodDescription:
    """Make a class of this process a method for ``gzslbench.run`` and ``gzslbench.check``, without a package.

    The class follows ``gzslbench.plugins.Method``. If you change it, register it again: the hash of its code
    is a part of each run's id, so a stored run of other code is never reused. A run keeps the code in
    ``method.py``.

    Args:
        cls: The class; its constructor takes ``(view, params)``.
        name: The name for ``gzslbench.run``. Default: that of the class, in lower case with hyphens.
        params: The class of its parameters. Default: the annotation of ``params`` in its constructor, else
            it has none.
        kind: ``scoring`` or ``generative``. Default: by its methods, ``scores`` or ``synthesize``.
        setting: What it sees during training.
        preprocessing: How its features are scaled by default.
        title: Its name in tables. Default: the name of the class.
        paper: Authors, title, venue and year.
        url: Address of the paper.

    Raises:
        PluginError: The class lacks something, its name is taken, or its code cannot be read.
    """
    require_type("cls", cls, (type,), "give the class itself, not an instance or a name")
    name = name or _WORD_ENDS.sub("-", cls.__name__).replace("_", "-").lower()
    if not _NAME.fullmatch(name):
        raise _error(cls, f"{name!r} is not lower case with hyphens", "choose a name such as 'my-method'")
    params = _check_params(cls, params or _params_of(cls))
    params()  # each parameter has a default, in its range
    require_choice("setting", setting, SETTINGS)
    kind = kind or ("scoring" if hasattr(cls, "scores") else "generative")
    require_choice("kind", kind, METHOD_KINDS)
    needed = ("stages", "scores") if kind == "scoring" else ("stages", "synthesize", "embed")
    for call in needed:
        if not callable(getattr(cls, call, None)):
            fix = f"write {call}(); a {kind} method has {', '.join(needed)}, see gzslbench.plugins.Method"
            raise _error(cls, f"it has no {call}()", fix)
    code = keep_class(cls, params)
    about, load = (name, title or cls.__name__, paper, url), f"gzslbench.plugins.unpackaged:{code}"
    spec = MethodSpec(*about, params, load, kind, setting, preprocessing, code=code)
    plugins().register(spec)
    return MethodDescription(spec)


def _check_params(cls: type[Any], params: Any) -> type[Params]:
    if not (isinstance(params, type) and issubclass(params, Params)):
        fix = "write a frozen dataclass derived from gzslbench.plugins.Params, a param() for each parameter"
        raise _error(cls, f"its params are {params!r}", fix)
    return params


def _params_of(cls: type[Any]) -> Any:
    """Return the annotation of the constructor's second argument, or no parameters."""
    constructor = cls.__init__
    try:
        arguments = list(inspect.signature(constructor, eval_str=True).parameters.values())[1:]
    except NameError:  # another annotation is only for type checkers
        arguments = list(inspect.signature(constructor).parameters.values())[1:]
    if len(arguments) < 2:
        fix = "write def __init__(self, view, params), also if the method has no parameters"
        raise _error(cls, "its constructor does not take (view, params)", fix)
    found = arguments[1].annotation
    if isinstance(found, str):
        found = constructor.__globals__.get(found, found)
    return Params if found in (inspect.Parameter.empty, Any) else found


def _error(cls: type[Any], what: str, fix: str) -> PluginError:
    return PluginError(f"{cls.__name__} cannot be registered: {what}", where=cls.__module__, fix=fix)


@dataclass(frozen=True, repr=False)
class CheckResult(TableView):
    """What the checks of a plugin gave; ``passed`` says whether none failed."""

    name: str
    outcomes: Sequence[Outcome]

    @property
    def passed(self) -> bool:
        """Whether no check failed; skipped ones do not apply to the plugin or the machine."""
        return not any(outcome.status == "failed" for outcome in self.outcomes)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per check: its status, what it says, and what to change."""
        return [asdict(outcome) for outcome in self.outcomes]

    def tables(self) -> Sequence[ResultTable]:
        """Return the checks, those that failed first."""
        order: tuple[Status, ...] = ("failed", "passed", "skipped")
        found = sorted(self.outcomes, key=lambda outcome: order.index(outcome.status))
        rows = [
            {"result": one.status, "check": one.check, "what": one.what, "to do": one.fix or None}
            for one in found
        ]
        statuses = [outcome.status for outcome in self.outcomes]
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in order)
        return [make_table(f"checks of {self.name}: {counts}", rows)]


@check_arguments
def check(name: str, *, kind: str | None = None, fast: bool = False) -> CheckResult:
    """Check that a method, head, dataset or extractor keeps its contract; it takes some seconds.

    Args:
        name: The name of the plugin, or of a class given to ``gzslbench.register``.
        kind: method, head, dataset or extractor, if several plugins have the name.
        fast: Whether to leave out the checks that train for a long time.

    Raises:
        PluginError: There is no such plugin.
    """
    from gzslbench.testing.check import run_checks
    from gzslbench.testing.suites import checks_of

    require_type("name", name, (str,), "give the name of a plugin")
    return CheckResult(name, run_checks(checks_of(name, kind, fast=fast)))
