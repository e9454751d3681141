"""Finding and loading plugins by their entry points in the group ``gzslbench``.

Names come from package metadata and import nothing. A plugin is imported when something it may offer is
asked for; one that fails to import is a warning, and ``gzslbench doctor`` names it.

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
from gzslbench.plugins.setting import SETTINGS
from gzslbench.plugins.tracker import TrackerSpec

SWITCH = "GZSLBENCH_PLUGINS"
OWN_DISTRIBUTION = "gzslbench"
Spec = TypeVar("Spec", MethodSpec, DatasetSpec, HeadSpec, ExtractorSpec, ExecutorSpec, TrackerSpec)


class Plugins:
    """Plugins, each loaded at most once; of two that take the same name, the first ``found`` has it."""

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        self.manager = pluggy.PluginManager(hooks.PROJECT)
        self.manager.add_hookspecs(hooks)
        self.errors: dict[str, str] = {}
        self.entries: dict[str, EntryPoint] = {}
        for entry in found:
            if entry.name in self.entries:
                self._fail(_full_name(entry), f"{self.entries[entry.name].value} has the same name")
            else:
                self.entries[entry.name] = entry

    def load(self, name: str) -> None:
        """Import and register one plugin; what goes wrong becomes a warning and an entry of ``errors``."""
        if self.manager.has_plugin(name) or name in self.errors:
            return
        try:
            module = self.entries[name].load()
            self.manager.register(module, name)
            self.manager.check_pending()
            if not self.manager.get_hookcallers(module):
                raise PluginError(f"{module.__name__} implements no gzslbench hook")
        except (Exception, SystemExit) as error:
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            self._fail(name, f"{type(error).__name__}: {error}")

    def load_all(self) -> None:
        """Load every plugin."""
        for name in self.entries:
            self.load(name)

    def methods(self) -> dict[str, MethodSpec]:
        """Every method on offer, by name."""
        self.load_all()
        return self._collect("gzslbench_methods", MethodSpec)

    def datasets(self) -> dict[str, DatasetSpec]:
        """Every dataset on offer, by name."""
        self.load_all()
        return self._collect("gzslbench_datasets", DatasetSpec)

    def heads(self) -> dict[str, HeadSpec]:
        """Every head on offer besides softmax, by name."""
        self.load_all()
        return self._collect("gzslbench_heads", HeadSpec)

    def extractors(self) -> dict[str, ExtractorSpec]:
        """Every feature extractor on offer, by name."""
        self.load_all()
        return self._collect("gzslbench_extractors", ExtractorSpec)

    def executors(self) -> dict[str, ExecutorSpec]:
        """Every executor on offer, by name."""
        self.load_all()
        return self._collect("gzslbench_executors", ExecutorSpec)

    def trackers(self) -> dict[str, TrackerSpec]:
        """Every tracker on offer, by name."""
        self.load_all()
        return self._collect("gzslbench_trackers", TrackerSpec)

    def published(self) -> list[Path]:
        """Every folder of published numbers on offer."""
        return self._folders("gzslbench_published")

    def suites(self) -> list[Path]:
        """Every folder of suites and stored metrics on offer."""
        return self._folders("gzslbench_suites")

    def method(self, name: str) -> MethodSpec:
        """One method; only the plugin of that name is loaded where there is one.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._named(name, "method", MethodSpec)

    def head(self, name: str) -> HeadSpec:
        """One head, as ``method``.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._named(name, "head", HeadSpec)

    def extractor(self, name: str) -> ExtractorSpec:
        """One extractor, as ``method``.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._named(name, "extractor", ExtractorSpec)

    def executor(self, name: str) -> ExecutorSpec:
        """One executor, as ``method``.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._named(name, "executor", ExecutorSpec)

    def tracker(self, name: str) -> TrackerSpec:
        """One tracker, as ``method``.

        Raises:
            PluginError: No plugin offers it.
        """
        return self._named(name, "tracker", TrackerSpec)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call ``hook`` of every loaded plugin; one that raises is a warning, and the caller goes on."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                implementation.function(**{name: arguments[name] for name in implementation.argnames})
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                self._fail(implementation.plugin_name, f"{hook} raised {why}", then="missed something")

    def error(self, entry: EntryPoint) -> str | None:
        """What went wrong with one plugin, if anything did."""
        named = self.entries.get(entry.name)
        return self.errors.get(entry.name if named is not None and named == entry else _full_name(entry))

    def _named(self, name: str, what: str, kind: type[Spec]) -> Spec:
        hook = f"gzslbench_{what}s"
        if name in self.entries:
            self.load(name)
            found = self._collect(hook, kind)
            if name in found:
                return found[name]
        if name in self.errors:
            raise PluginError(
                f"plugin {name!r} cannot be loaded: {self.errors[name]}", fix="see `gzslbench doctor`"
            )
        self.load_all()
        every = self._collect(hook, kind)
        if name not in every:
            raise PluginError(f"no {what} {name!r}", fix=did_you_mean(name, list(every)))
        return every[name]

    def _collect(self, hook: str, kind: type[Spec]) -> dict[str, Spec]:
        specs: dict[str, Spec] = {}
        for name, spec in self._offers(hook):
            if not isinstance(spec, kind):
                self._fail(name, f"{hook} offers {spec!r}, no {kind.__name__}")
            elif objection := _objection(spec):
                self._fail(name, f"{hook}: {spec.name!r} has {objection}")
            elif spec.name in specs:
                self._fail(name, f"{hook}: the name {spec.name!r} is taken")
            else:
                specs[spec.name] = spec
        return dict(sorted(specs.items()))

    def _folders(self, hook: str) -> list[Path]:
        self.load_all()
        folders = []
        for name, folder in self._offers(hook):
            if isinstance(folder, Path) and folder.is_dir():
                folders.append(folder)
            else:
                self._fail(name, f"{hook} offers {folder!r}, no folder")
        return folders

    def _offers(self, hook: str) -> Iterator[tuple[str, Any]]:
        """The name of each loaded plugin with one thing it offers, in the order in which they were found."""
        order = list(self.entries)
        implementations = getattr(self.manager.hook, hook).get_hookimpls()
        for implementation in sorted(implementations, key=lambda each: order.index(each.plugin_name)):
            try:
                offered = list(implementation.function())
            except Exception as error:
                self._fail(implementation.plugin_name, f"{hook} raised {type(error).__name__}: {error}")
                continue
            for each in offered:
                yield implementation.plugin_name, each

    def _fail(self, name: str, why: str, then: str = "is left out") -> None:
        if self.errors.get(name) != why:
            self.errors[name] = why
            warnings.warn(f"plugin {name!r} {then}: {why}", RuntimeWarning, stacklevel=3)


def is_own(entry: EntryPoint) -> bool:
    """Whether ``entry`` comes with the gzslbench distribution."""
    return entry.dist is not None and entry.dist.name == OWN_DISTRIBUTION


def allowed(entry: EntryPoint) -> bool:
    """Whether the environment lets ``entry`` load."""
    names = os.environ.get(SWITCH)
    return names is None or is_own(entry) or entry.name in {name.strip() for name in names.split(",")}


def every_entry() -> list[EntryPoint]:
    """The entry points of all installed plugins, those included that the environment switches off."""
    return sorted(entry_points(group=hooks.PROJECT), key=lambda entry: (not is_own(entry), entry.name))


@cache
def plugins() -> Plugins:
    """The plugins of this process, found once."""
    return Plugins(entry for entry in every_entry() if allowed(entry))


def _objection(
    spec: MethodSpec | DatasetSpec | HeadSpec | ExtractorSpec | ExecutorSpec | TrackerSpec,
) -> str | None:
    """Why a plugin cannot be offered: its kind or its setting is none that there is."""
    for name, known in (("kind", get_args(Kind)), ("setting", SETTINGS)):
        if getattr(spec, name, known[0]) not in known:
            return f"the {name} {getattr(spec, name)!r}, none of {', '.join(known)}"
    return None


def _full_name(entry: EntryPoint) -> str:
    return f"{entry.name} = {entry.value}"
