"""Find and load plugins by their entry points, which are in one group for each kind.

A plugin is a module with functions marked ``@hookimpl``. Its distribution names it in the group of each kind
that it offers, for example ``gzslbench.methods``, or in ``gzslbench.hooks`` if it only listens to runs. A
module is imported when something of its kind is needed, so listing one kind imports nothing of another. If a
plugin cannot be imported, that is a warning, and ``gzslbench doctor`` names it.

An entry point ``* = package`` stands for many: every folder of the package that has a ``defaults.toml`` is a
plugin, with the folder's name and hyphens for underscores. gzslbench's own methods and heads are found in
this way, so a new one is a new folder and nothing else.

``GZSLBENCH_PLUGINS`` lists the third-party plugins that may load, separated by commas; set to nothing it
disables them all. The plugins of the gzslbench distribution itself are always there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import fields
from functools import cache, reduce
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from threading import RLock
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from gzslbench.errors import PluginError, describe, did_you_mean, warn
from gzslbench.files import is_path_part
from gzslbench.plugins import hooks
from gzslbench.plugins.dataset import Archive, Expected
from gzslbench.plugins.params import Params
from gzslbench.plugins.spec import METHOD_KINDS, PRESETS, SETTINGS

if TYPE_CHECKING:
    from gzslbench.plugins.dataset import DatasetSpec
    from gzslbench.plugins.executor import ExecutorSpec
    from gzslbench.plugins.extractor import ExtractorSpec
    from gzslbench.plugins.head import HeadSpec
    from gzslbench.plugins.method import MethodSpec
    from gzslbench.plugins.tracker import TrackerSpec

Spec = TypeVar("Spec")
SWITCH = "GZSLBENCH_PLUGINS"
OWN_DISTRIBUTION = "gzslbench"
EVERY_FOLDER = "*"
_KINDS = ("method", "head", "dataset", "extractor", "executor", "tracker")
SPECS = {f"{kind}s": f"gzslbench.plugins.{kind}:{kind.capitalize()}Spec" for kind in _KINDS}
"""By kind, the class of what the hook ``gzslbench_KIND`` returns; it is imported when the kind is needed."""
FOLDERS = ("published", "suites")
"""The kinds whose hooks return folders."""
_LIST = (tuple, list)
_TYPES: dict[Any, Any] = {"str": str, "int": int, "float": (int, float), "Mapping[str, str]": Mapping}
_TYPES |= {"tuple[str, ...]": _LIST, "tuple[Archive, ...]": _LIST, "Expected | None": (Expected, NoneType)}
"""What values of these annotations of a spec are; other values are checked where they are used."""
_ALONE = RLock()
"""Code of plugins is loaded and called by one thread at a time: the output is redirected for all threads."""
RUN_HOOKS = "hooks"
GROUPS = {f"gzslbench.{kind}": kind for kind in (*SPECS, *FOLDERS, RUN_HOOKS)}


class Plugins:
    """Plugins, each loaded at most once; if two of one kind take the same name, the first has it.

    Attributes:
        entries: By kind and name, the entry points.
        errors: By module, as its entry point writes it, what is wrong with a plugin.
        unpackaged: By name, the methods of ``gzslbench.register``, which are in no package.
    """

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        self.manager = pluggy.PluginManager(hooks.PROJECT)
        self.manager.add_hookspecs(hooks)
        self.errors: dict[str, str] = {}
        self.unpackaged: dict[str, MethodSpec] = {}
        self.entries: dict[str, dict[str, EntryPoint]] = {kind: {} for kind in GROUPS.values()}
        self._names: dict[str, str] = {}
        for entry in found:
            self._names.setdefault(entry.value, entry.name)
            first = self.entries[GROUPS[entry.group]].setdefault(entry.name, entry)
            if first.value != entry.value:
                self._fail(entry.value, f"{first.value} has the same name")

    def methods(self) -> dict[str, MethodSpec]:
        """Every method, by name."""
        return dict(sorted({**self._list("methods"), **self.unpackaged}.items()))

    def heads(self) -> dict[str, HeadSpec]:
        """Every head except softmax, by name."""
        return self._list("heads")

    def datasets(self) -> dict[str, DatasetSpec]:
        """Every dataset, by name."""
        return self._list("datasets")

    def extractors(self) -> dict[str, ExtractorSpec]:
        """Every feature extractor, by name."""
        return self._list("extractors")

    def executors(self) -> dict[str, ExecutorSpec]:
        """Every executor, by name."""
        return self._list("executors")

    def trackers(self) -> dict[str, TrackerSpec]:
        """Every tracker, by name."""
        return self._list("trackers")

    def published(self) -> list[Path]:
        """Every folder of published numbers."""
        return [folder for _, folder in self._offers("published")]

    def suites(self) -> list[Path]:
        """Every folder of suites and stored metrics."""
        return [folder for _, folder in self._offers("suites")]

    def method(self, name: str) -> MethodSpec:
        """Return one method; if a plugin has this name, only that one is loaded.

        Raises:
            PluginError: No plugin offers it.
        """
        return self.unpackaged.get(name) or self._find("methods", self.methods, name)

    def head(self, name: str) -> HeadSpec:
        """Return one head, as ``method`` does."""
        return self._find("heads", self.heads, name)

    def extractor(self, name: str) -> ExtractorSpec:
        """Return one extractor, as ``method`` does."""
        return self._find("extractors", self.extractors, name)

    def executor(self, name: str) -> ExecutorSpec:
        """Return one executor, as ``method`` does."""
        return self._find("executors", self.executors, name)

    def tracker(self, name: str) -> TrackerSpec:
        """Return one tracker, as ``method`` does."""
        return self._find("trackers", self.trackers, name)

    def register(self, spec: MethodSpec) -> None:
        """Offer a method that is in no package; it replaces an earlier one of the same name."""
        if spec.name in self._list("methods"):
            what = f"{spec.name!r} is the name of an installed method"
            raise PluginError(what, where="gzslbench.register", fix="choose another one with --name")
        self.unpackaged[spec.name] = spec

    def load(self, kind: str) -> None:
        """Import and register every plugin of a kind."""
        for entry in self.entries[kind].values():
            self._load(entry)

    def load_all(self) -> None:
        """Load every plugin and look at all that it offers, so that ``errors`` is complete."""
        for kind in SPECS:
            self._list(kind)
        for kind in FOLDERS:
            list(self._offers(kind))
        self.load(RUN_HOOKS)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call ``hook`` of plugins in ``gzslbench.hooks`` and of all that are loaded; warn if one raises.

        Each gets a copy, so that none can change the settings of the run or its record.
        """
        self.load(RUN_HOOKS)
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            given = {name: deepcopy(arguments[name]) for name in implementation.argnames}
            try:
                with plugin_code():
                    implementation.function(**given)
            except PluginError as error:
                self._fail(implementation.plugin_name, f"{hook} raised {error.what}", "missed something")

    def _load(self, entry: EntryPoint) -> bool:
        """Import and register one plugin, if that has not happened; return whether it is registered."""
        module = entry.value
        with _ALONE:
            if not self.manager.has_plugin(module) and module not in self.errors:
                try:
                    with plugin_code():
                        self.manager.register(entry.load(), module)
                        self.manager.check_pending()
                    if not self.manager.get_hookcallers(self.manager.get_plugin(module)):
                        raise PluginError(f"{module} implements no gzslbench hook")
                except PluginError as error:
                    if self.manager.has_plugin(module):
                        self.manager.unregister(name=module)
                    self._fail(module, error.what)
            return self.manager.has_plugin(module)

    def _find(self, kind: str, every: Callable[[], Mapping[str, Spec]], name: str) -> Spec:
        entry = self.entries[kind].get(name)
        if entry is not None:
            specs: dict[str, Spec] = {spec.name: spec for _, spec in self._offers(kind, [entry])}
            if name in specs:
                return specs[name]
            if entry.value in self.errors:
                what = f"plugin {name!r} cannot be loaded: {self.errors[entry.value]}"
                raise PluginError(what, fix="see `gzslbench doctor`")
        known = every()
        if name not in known:
            raise PluginError(f"no {kind[:-1]} {name!r}", fix=did_you_mean(name, list(known)))
        return known[name]

    def _list(self, kind: str) -> dict[str, Any]:
        specs: dict[str, Any] = {}
        for module, spec in self._offers(kind):
            if spec.name in specs:
                self._fail(module, f"gzslbench_{kind}: the name {spec.name!r} is taken")
            else:
                specs[spec.name] = spec
        return dict(sorted(specs.items()))

    def _offers(self, kind: str, entries: Iterable[EntryPoint] | None = None) -> Iterator[tuple[str, Any]]:
        """Load the plugins of a kind, or only ``entries``; yield their modules and what they offer."""
        hook = f"gzslbench_{kind}"
        known = self.entries[kind].values() if entries is None else entries
        for module, entry in {entry.value: entry for entry in known}.items():
            if not self._load(entry):
                continue
            try:
                hooks_of = getattr(self.manager.hook, hook).get_hookimpls()
                functions = {found.plugin_name: found.function for found in hooks_of}
                if module not in functions:
                    raise PluginError(f"it is in the group gzslbench.{kind}, but has no hook {hook}")
                with plugin_code():
                    offers = list(functions[module]())
            except PluginError as error:
                self._fail(module, f"{hook} raised {error.what}")
                continue
            for offer in offers:
                if problem := _problem(offer, Path if kind in FOLDERS else resolve_name(SPECS[kind])):
                    self._fail(module, f"{hook}: {problem}")
                else:
                    yield module, offer

    def _fail(self, module: str, why: str, then: str = "is left out") -> None:
        if self.errors.get(module) != why:
            self.errors[module] = why
            name = self._names.get(module, module)
            warn(f"plugin {name!r} {then}: {why}")


def is_own(entry: EntryPoint) -> bool:
    """Return whether ``entry`` comes with the gzslbench distribution."""
    return entry.dist is not None and _name_of(entry.dist) == OWN_DISTRIBUTION


@cache
def _name_of(distribution: Distribution) -> str | None:
    """Return the name of a distribution; ``Distribution.name`` would parse all of its metadata."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    found = re.search(r"^Name: (.+)$", text, re.MULTILINE)
    return None if found is None else found[1].strip()


def allowed(entry: EntryPoint) -> bool:
    """Return whether the environment lets ``entry`` load."""
    names = os.environ.get(SWITCH)
    return names is None or is_own(entry) or entry.name in {name.strip() for name in names.split(",")}


def every_entry() -> list[EntryPoint]:
    """Return the entry points of all installed plugins, also of those that the environment disables."""
    found = entry_points()
    entries = [one for group in GROUPS for entry in found.select(group=group) for one in _expand(entry)]
    return sorted(entries, key=lambda entry: (not is_own(entry), entry.name))


def _expand(entry: EntryPoint) -> Iterator[EntryPoint]:
    """Yield an entry point for each folder with presets, if ``entry`` stands for all of a package."""
    spec = find_spec(entry.value) if entry.name == EVERY_FOLDER else None
    if spec is None:
        yield entry
        return
    for location in spec.submodule_search_locations or ():
        for file in Path(location).glob(f"*/{PRESETS}"):
            name = file.parent.name
            one = EntryPoint(name.replace("_", "-"), f"{entry.value}.{name}", entry.group)
            vars(one)["dist"] = entry.dist  # the constructor does not take it
            yield one


@cache
def plugins() -> Plugins:
    """Return the plugins of this process, which are found once."""
    return Plugins(entry for entry in every_entry() if allowed(entry))


def load_object(path: str, owner: str, arguments: Sequence[str] | None = None) -> Any:
    """Import what a spec's ``load`` names, ``package.module:name``, for the plugin called ``owner``.

    Raises:
        PluginError: The module raised an error, of any type, or it cannot be called with ``arguments``.
    """
    module, _, names = path.partition(":")
    called = "" if arguments is None else f", which is called with ({', '.join(arguments)})"
    fix = f"correct the module, or what the spec's `load` names: package.module:name{called}"
    with plugin_code(f"{owner!r} cannot be loaded: ", where=path, fix=fix):
        found: Any = reduce(getattr, names.split("."), import_module(module))
        if arguments is not None:
            signature(found).bind(*arguments)
    return found


def _problem(offer: Any, of: type[Any]) -> str | None:
    """Return why something cannot be offered: a wrong type, a missing folder, an unknown kind or setting."""
    if not isinstance(offer, of):
        return f"{offer!r} is not a {of.__name__}"
    if isinstance(offer, Path):
        return None if offer.is_dir() else f"{offer} is not a folder"
    for one in fields(offer):
        if not isinstance(value := getattr(offer, one.name), _TYPES.get(one.type, object)):
            return f"the {one.name} of {offer.name!r} is {value!r}, not of the type {one.type}"
        kind = {"tuple[str, ...]": str, "tuple[Archive, ...]": Archive}.get(str(one.type), object)
        if one.type == "Mapping[str, str]" and not all(isinstance(part, str) for part in value.values()):
            return f"the {one.name} of {offer.name!r} is {value!r}, not of the type {one.type}"
        if isinstance(value, _LIST) and not all(isinstance(part, kind) for part in value):
            return f"the {one.name} of {offer.name!r} is {value!r}, not of the type {one.type}"
    if not is_path_part(offer.name):
        return f"{offer.name!r} is not a name: use letters, digits, hyphens and dots"
    if (load := getattr(offer, "load", "")) and not re.fullmatch(r"\w[\w.]*:.+", load):
        return f"the load of {offer.name!r} is {load!r}, not package.module:name"
    params = getattr(offer, "params", Params)
    if not (isinstance(params, type) and issubclass(params, Params)):
        return f"the params of {offer.name!r} are {params!r}, not a subclass of Params"
    if not 0 <= (share := getattr(offer, "gpu_share", 0)) <= 1:
        return f"the gpu_share of {offer.name!r} is {share}, not from 0 to 1"
    for name, known in (("kind", METHOD_KINDS), ("setting", SETTINGS)):
        value = getattr(offer, name, known[0])
        if value not in known:
            return f"{offer.name!r} has the unknown {name} {value!r}; known: {', '.join(known)}"
    return None


@contextmanager
def plugin_code(what: str = "", *keep: type[Exception], **advice: str) -> Iterator[None]:
    """Run code of a plugin: it prints to standard error; what it raises is a PluginError, or ``keep``."""
    try:
        with _ALONE, redirect_stdout(sys.stderr):
            yield
    except BaseException as error:  # sys.exit too
        if isinstance(error, (KeyboardInterrupt, *keep)):
            raise
        raise PluginError(what + describe(error), **advice) from error
