"""The checks of each kind of plugin, and finding the plugin to check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.testing.check import Check, bind
from gzslbench.testing.datasets import DATASET_CHECKS, DatasetCase
from gzslbench.testing.extractors import EXTRACTOR_CHECKS, ExtractorCase
from gzslbench.testing.heads import HEAD_CHECKS, HeadCase
from gzslbench.testing.metadata_checks import METADATA_CHECKS
from gzslbench.testing.methods import contract, repeatability, training
from gzslbench.testing.methods.case import MethodCase

Spec = MethodSpec | HeadSpec | DatasetSpec | ExtractorSpec


def method_checks(spec: MethodSpec) -> Sequence[Check]:
    """Return the checks of a method, in the order in which an author should correct them."""
    case = MethodCase(spec)
    fast = (*contract.CHECKS, *repeatability.CHECKS, *training.CHECKS)
    slow = bind(training.SLOW_CHECKS, case, slow=True)
    return [*bind(METADATA_CHECKS, spec), *bind(fast, case), *slow]


def extractor_checks(spec: ExtractorSpec, model: str = "", weights: str | None = None) -> Sequence[Check]:
    """Return the checks of an extractor, with a model and weights (a file or a name) if it needs them."""
    return bind(EXTRACTOR_CHECKS, ExtractorCase(spec, model, weights))


@dataclass(frozen=True)
class Kind:
    """A kind of plugin: the class of its specs, all installed ones by name, and the checks of one."""

    spec: type[Spec]
    installed: Callable[[], Mapping[str, Spec]]
    checks: Callable[[Any], Sequence[Check]]


KINDS: Mapping[str, Kind] = {
    "method": Kind(MethodSpec, lambda: plugins().methods(), method_checks),
    "head": Kind(
        HeadSpec,
        lambda: plugins().heads(),
        lambda spec: [*bind(METADATA_CHECKS, spec), *bind(HEAD_CHECKS, HeadCase(spec))],
    ),
    "dataset": Kind(
        DatasetSpec, lambda: plugins().datasets(), lambda spec: bind(DATASET_CHECKS, DatasetCase(spec))
    ),
    "extractor": Kind(ExtractorSpec, lambda: plugins().extractors(), extractor_checks),
}


def checks_of(plugin: str | Spec, kind: str | None = None, *, fast: bool = False) -> Sequence[Check]:
    """Return the checks of one method, head, dataset or extractor.

    Args:
        plugin: Its name, or its spec.
        kind: A key of `KINDS`, if plugins of several kinds have the name.
        fast: Whether to leave out the checks that train for a long time.

    Raises:
        PluginError: No plugin or plugins of several kinds have the name, or the kind is unknown.
    """
    if isinstance(plugin, str):
        kind, plugin = find_spec(plugin, kind)
    else:
        kind = next(name for name, candidate in KINDS.items() if isinstance(plugin, candidate.spec))
    return [check for check in KINDS[kind].checks(plugin) if not (fast and check.slow)]


def all_specs(kind: str | None = None) -> list[tuple[str, Spec]]:
    """Return every installed plugin, or all of one kind, as pairs of kind and spec."""
    if kind is not None and kind not in KINDS:
        raise PluginError(f"no kind {kind!r}", where="--kind", fix=did_you_mean(kind, list(KINDS)))
    kinds = KINDS if kind is None else (kind,)
    return [(name, spec) for name in kinds for spec in KINDS[name].installed().values()]


def find_spec(name: str, kind: str | None = None) -> tuple[str, Spec]:
    """Return the kind and the spec of a plugin. For a dataset, upper and lower case are the same."""
    known = all_specs(kind)
    found = [pair for pair in known if pair[1].name == name] or [
        pair for pair in known if pair[0] == "dataset" and pair[1].name.lower() == name.lower()
    ]
    if not found:
        names = [spec.name for _, spec in known]
        raise PluginError(f"no {kind or ', '.join(KINDS)} {name!r}", fix=did_you_mean(name, names))
    if len(found) > 1:
        kinds = [pair[0] for pair in found]
        raise PluginError(f"{name!r} is a {' and a '.join(kinds)}", fix=f"add --kind {kinds[0]}")
    return found[0]
