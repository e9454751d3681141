"""Find and load plugins by their entry points, which are in one group for each kind.

A plugin is a module with functions marked ``@hookimpl``. Its distribution names it in the group of each kind
that it offers: ``gzslbench.methods``, ``gzslbench.datasets`` and so on (``KINDS``), or in ``gzslbench.hooks``
if it only wants to hear of runs. The names come from package metadata. A module is imported when something of
its kind is needed, so listing one kind imports nothing of another. If a plugin cannot be imported, that is a
warning, and ``gzslbench doctor`` names it.

``GZSLBENCH_PLUGINS`` lists the third-party plugins that may load, separated by commas; set to nothing it
disables them all. The plugins of the gzslbench distribution itself are always there.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar, get_args

import pluggy

from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins import hooks
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.executor import ExecutorSpec
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import Kind, MethodSpec
from gzslbench.plugins.spec import SETTINGS
from gzslbench.plugins.tracker import TrackerSpec

SWITCH = "GZSLBENCH_PLUGINS"
OWN_DISTRIBUTION = "gzslbench"
OLD_GROUP = "gzslbench"
"""The only group of version 0.1."""
RUN_HOOKS = "hooks"
KINDS: dict[str, type] = {
    "methods": MethodSpec,
    "heads": HeadSpec,
    "datasets": DatasetSpec,
    "extractors": ExtractorSpec,
    "executors": ExecutorSpec,
    "trackers": TrackerSpec,
    "published": Path,
    "suites": Path,
}
"""What a plugin can offer, and the type of each thing that the hook ``gzslbench_KIND`` returns."""
GROUPS = {f"gzslbench.{kind}": kind for kind in (*KINDS, RUN_HOOKS)}
Offer = TypeVar("Offer", MethodSpec, DatasetSpec, HeadSpec, ExtractorSpec, ExecutorSpec, TrackerSpec, Path)


class Plugins:
    """Plugins, each loaded at most once; if two of one kind take the same name, the first has it.

    Attributes:
        entries: By kind and name, the entry points.
        errors: By module, as its entry point writes it, what is wrong with a plugin.
    """

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        self.manager = pluggy.PluginManager(hooks.PROJECT)
        self.manager.add_hookspecs(hooks)
        self.errors: dict[str, str] = {}
        self.entries: dict[str, dict[str, EntryPoint]] = {kind: {} for kind in GROUPS.values()}
        self._names: dict[str, str] = {}
        for entry in found:
            self._names.setdefault(entry.value, entry.name)
            if entry.group not in GROUPS:
                self._fail(entry.value, _old_group_advice(entry))
                continue
            first = self.entries[GROUPS[entry.group]].setdefault(entry.name, entry)
            if first.value != entry.value:
                self._fail(entry.value, f"{first.value} has the same name")

    def methods(self) -> dict[str, MethodSpec]:
        """Every method, by name."""
        return self._list("methods", MethodSpec)

    def heads(self) -> dict[str, HeadSpec]:
        """Every head except softmax, by name."""
        return self._list("heads", HeadSpec)

    def datasets(self) -> dict[str, DatasetSpec]:
        """Every dataset, by name."""
        return self._list("datasets", DatasetSpec)

    def extractors(self) -> dict[str, ExtractorSpec]:
        """Every feature extractor, by name."""
        return self._list("extractors", ExtractorSpec)

    def executors(self) -> dict[str, ExecutorSpec]:
        """Every executor, by name."""
        return self._list("executors", ExecutorSpec)

    def trackers(self) -> dict[str, TrackerSpec]:
        """Every tracker, by name."""
        return self._list("trackers", TrackerSpec)

    def published(self) -> list[Path]:
        """Every folder of published numbers."""
        return [folder for _, folder in self._offers("published", Path)]

    def suites(self) -> list[Path]:
        """Every folder of suites and stored metrics."""
        return [folder for _, folder in self._offers("suites", Path)]

    def method(self, name: str) -> MethodSpec:
        """Return one method; if a plugin has this name, only that one is loaded.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._find("methods", MethodSpec, name)

    def head(self, name: str) -> HeadSpec:
        """Return one head, as ``method`` does."""
        return self._find("heads", HeadSpec, name)

    def extractor(self, name: str) -> ExtractorSpec:
        """Return one extractor, as ``method`` does."""
        return self._find("extractors", ExtractorSpec, name)

    def executor(self, name: str) -> ExecutorSpec:
        """Return one executor, as ``method`` does."""
        return self._find("executors", ExecutorSpec, name)

    def tracker(self, name: str) -> TrackerSpec:
        """Return one tracker, as ``method`` does."""
        return self._find("trackers", TrackerSpec, name)

    def load(self, kind: str) -> None:
        """Import and register every plugin of a kind."""
        for entry in self.entries[kind].values():
            self._load(entry, kind)

    def load_all(self) -> None:
        """Load every plugin and look at all that it offers, so that ``errors`` is complete."""
        for kind, of in KINDS.items():
            self._list(kind, of) if of is not Path else list(self._offers(kind, of))
        self.load(RUN_HOOKS)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call ``hook`` of every plugin in ``gzslbench.hooks`` and of every other one that is loaded.

        If one raises, that is a warning, and the caller goes on.
        """
        self.load(RUN_HOOKS)
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                implementation.function(**{name: arguments[name] for name in implementation.argnames})
            except Exception as error:
                why = f"{hook} raised {type(error).__name__}: {error}"
                self._fail(implementation.plugin_name, why, then="missed something")

    def error(self, entry: EntryPoint) -> str | None:
        """Return what is wrong with one plugin, or None."""
        return self.errors.get(entry.value)

    def _load(self, entry: EntryPoint, kind: str) -> bool:
        """Import and register one plugin; return whether it offers something of the kind."""
        module = entry.value
        if not self.manager.has_plugin(module):
            if module in self.errors:
                return False
            try:
                self.manager.register(entry.load(), module)
                self.manager.check_pending()
                if not self._implemented(module):
                    raise PluginError(f"{module} implements no gzslbench hook")
            except (Exception, SystemExit) as error:
                if self.manager.has_plugin(module):
                    self.manager.unregister(name=module)
                self._fail(module, f"{type(error).__name__}: {error}")
                return False
            self._check_groups(module)
        return kind in self._implemented(module)

    def _implemented(self, module: str) -> set[str]:
        """Return the kinds that a registered plugin has hooks of; all run hooks are one kind."""
        callers = self.manager.get_hookcallers(self.manager.get_plugin(module)) or []
        hooks_of = {caller.name.removeprefix("gzslbench_") for caller in callers}
        return {name if name in KINDS else RUN_HOOKS for name in hooks_of}

    def _check_groups(self, module: str) -> None:
        """Warn if a plugin offers something that nobody would look for, or does not offer what it says."""
        implemented = self._implemented(module)
        for kind, entries in self.entries.items():
            listed = any(entry.value == module for entry in entries.values())
            if listed and kind not in implemented:
                why = f"it is in the group gzslbench.{kind}, but implements no hook of this kind"
                self._fail(module, why, then="offers less than it says")
            elif kind in implemented - {RUN_HOOKS} and not listed:
                why = f"it implements gzslbench_{kind}, but is not in the group gzslbench.{kind}"
                self._fail(module, why, then="offers less than it could")

    def _find(self, kind: str, of: type[Offer], name: str) -> Offer:
        entry = self.entries[kind].get(name)
        if entry is not None:
            for _, spec in self._offers(kind, of, [entry]):
                if spec.name == name:
                    return spec
            if entry.value in self.errors:
                what = f"plugin {name!r} cannot be loaded: {self.errors[entry.value]}"
                raise PluginError(what, fix="see `gzslbench doctor`")
        specs = self._list(kind, of)
        if name not in specs:
            raise PluginError(f"no {kind[:-1]} {name!r}", fix=did_you_mean(name, list(specs)))
        return specs[name]

    def _list(self, kind: str, of: type[Offer]) -> dict[str, Offer]:
        specs: dict[str, Offer] = {}
        for module, spec in self._offers(kind, of):
            if spec.name in specs:
                self._fail(module, f"gzslbench_{kind}: the name {spec.name!r} is taken")
            else:
                specs[spec.name] = spec
        return dict(sorted(specs.items()))

    def _offers(
        self, kind: str, of: type[Offer], entries: Iterable[EntryPoint] | None = None
    ) -> Iterator[tuple[str, Offer]]:
        """Load the plugins of a kind, or only ``entries``; yield their modules and what they offer."""
        hook = f"gzslbench_{kind}"
        seen = set()
        for entry in self.entries[kind].values() if entries is None else entries:
            module = entry.value
            if module in seen or not self._load(entry, kind):
                continue
            seen.add(module)
            implementations = getattr(self.manager.hook, hook).get_hookimpls()
            implementation = next(found for found in implementations if found.plugin_name == module)
            try:
                offered = list(implementation.function())
            except Exception as error:
                self._fail(module, f"{hook} raised {type(error).__name__}: {error}")
                continue
            for offer in offered:
                if not isinstance(offer, of):
                    self._fail(module, f"{hook} offers {offer!r}, which is not a {of.__name__}")
                elif problem := _problem(offer):
                    self._fail(module, f"{hook}: {problem}")
                else:
                    yield module, offer

    def _fail(self, module: str, why: str, then: str = "is left out") -> None:
        if self.errors.get(module) != why:
            self.errors[module] = why
            name = self._names.get(module, module)
            warnings.warn(f"plugin {name!r} {then}: {why}", RuntimeWarning, stacklevel=3)


def is_own(entry: EntryPoint) -> bool:
    """Return whether ``entry`` comes with the gzslbench distribution."""
    return entry.dist is not None and entry.dist.name == OWN_DISTRIBUTION


def allowed(entry: EntryPoint) -> bool:
    """Return whether the environment lets ``entry`` load."""
    names = os.environ.get(SWITCH)
    return names is None or is_own(entry) or entry.name in {name.strip() for name in names.split(",")}


def every_entry() -> list[EntryPoint]:
    """Return the entry points of all installed plugins, also of those that the environment disables."""
    found = entry_points()
    entries = [entry for group in (*GROUPS, OLD_GROUP) for entry in found.select(group=group)]
    return sorted(entries, key=lambda entry: (not is_own(entry), entry.name))


@cache
def plugins() -> Plugins:
    """Return the plugins of this process, which are found once."""
    return Plugins(entry for entry in every_entry() if allowed(entry))


def _problem(offer: Any) -> str | None:
    """Return why something cannot be offered: it is not a folder, or has an unknown kind or setting."""
    if isinstance(offer, Path):
        return None if offer.is_dir() else f"{offer} is not a folder"
    for name, known in (("kind", get_args(Kind)), ("setting", SETTINGS)):
        value = getattr(offer, name, known[0])
        if value not in known:
            return f"{offer.name!r} has the unknown {name} {value!r}; known: {', '.join(known)}"
    return None


def _old_group_advice(entry: EntryPoint) -> str:
    what = f"its entry point is in the group {OLD_GROUP!r} of version 0.1; "
    if is_own(entry):
        return what + "install gzslbench again (pip install)"
    return what + "put it in the group of each kind that it offers, for example 'gzslbench.methods'"
