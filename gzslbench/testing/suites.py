"""The checks of each kind of plugin, and finding the plugin to check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.executor import ExecutorSpec
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.testing.check import Check, bind
from gzslbench.testing.datasets import DATASET_CHECKS, DatasetCase
from gzslbench.testing.executors import EXECUTOR_CHECKS, ExecutorCase
from gzslbench.testing.extractors import EXTRACTOR_CHECKS, ExtractorCase
from gzslbench.testing.heads import HEAD_CHECKS, HeadCase
from gzslbench.testing.metadata_checks import METADATA_CHECKS
from gzslbench.testing.methods import contract, repeatability, training
from gzslbench.testing.methods.case import MethodCase

Spec = MethodSpec | HeadSpec | DatasetSpec | ExtractorSpec | ExecutorSpec


def method_checks(spec: MethodSpec) -> tuple[Check, ...]:
    """Return the checks of a method, in the order in which an author should correct them."""
    case = MethodCase(spec)
    fast = (*METADATA_CHECKS, *contract.CHECKS, *repeatability.CHECKS, *training.CHECKS)
    return (
        *(bind(check, case) for check in fast),
        *(bind(check, case, slow=True) for check in training.SLOW_CHECKS),
    )


def head_checks(spec: HeadSpec) -> tuple[Check, ...]:
    """Return the checks of a head."""
    case = HeadCase(spec)
    return tuple(bind(check, case) for check in (*METADATA_CHECKS, *HEAD_CHECKS))


def dataset_checks(spec: DatasetSpec) -> tuple[Check, ...]:
    """Return the checks of a dataset."""
    case = DatasetCase(spec)
    return tuple(bind(check, case) for check in DATASET_CHECKS)


def extractor_checks(spec: ExtractorSpec, model: str = "", weights: str | None = None) -> tuple[Check, ...]:
    """Return the checks of an extractor.

    Args:
        spec: The extractor.
        model: The model to check, if the extractor takes one.
        weights: A file or name of weights, if the extractor has none itself.
    """
    case = ExtractorCase(spec, model, weights)
    return tuple(bind(check, case) for check in EXTRACTOR_CHECKS)


def executor_checks(spec: ExecutorSpec, address: str | None = None) -> tuple[Check, ...]:
    """Return the checks of an executor, at the `address` of a cluster or on this machine."""
    case = ExecutorCase(spec, address)
    return tuple(bind(check, case) for check in EXECUTOR_CHECKS)


@dataclass(frozen=True)
class Kind:
    """A kind of plugin.

    Attributes:
        spec: The class of its specs.
        installed: Returns all installed plugins of the kind, by name.
        checks: Returns the checks of one plugin.
    """

    spec: type[Spec]
    installed: Callable[[], Mapping[str, Spec]]
    checks: Callable[[Any], tuple[Check, ...]]


KINDS: Mapping[str, Kind] = {
    "method": Kind(MethodSpec, lambda: plugins().methods(), method_checks),
    "head": Kind(HeadSpec, lambda: plugins().heads(), head_checks),
    "dataset": Kind(DatasetSpec, lambda: plugins().datasets(), dataset_checks),
    "extractor": Kind(ExtractorSpec, lambda: plugins().extractors(), extractor_checks),
    "executor": Kind(ExecutorSpec, lambda: plugins().executors(), executor_checks),
}


def checks_of(plugin: str | Spec, kind: str | None = None, *, fast: bool = False) -> tuple[Check, ...]:
    """Return the checks of one method, head, dataset, extractor or executor.

    Args:
        plugin: Its name, or its spec.
        kind: A key of `KINDS`, if plugins of several kinds have the name.
        fast: Whether to leave out the checks that train for a long time.

    Raises:
        PluginError: No plugin or plugins of several kinds have the name, or the kind is unknown.
    """
    if isinstance(plugin, str):
        kind, spec = find_spec(plugin, kind)
    else:
        kind = next(name for name, candidate in KINDS.items() if isinstance(plugin, candidate.spec))
        spec = plugin
    return tuple(check for check in KINDS[kind].checks(spec) if not (fast and check.slow))


def all_specs(kind: str | None = None) -> list[tuple[str, Spec]]:
    """Return every installed plugin, or all of one kind, as pairs of kind and spec.

    Raises:
        PluginError: The kind is unknown.
    """
    if kind is not None and kind not in KINDS:
        raise PluginError(f"no kind {kind!r}", where="--kind", fix=did_you_mean(kind, list(KINDS)))
    kinds = KINDS if kind is None else (kind,)
    return [(name, spec) for name in kinds for spec in KINDS[name].installed().values()]


def find_spec(name: str, kind: str | None = None) -> tuple[str, Spec]:
    """Return the kind and the spec of the plugin `name`. For a dataset, upper and lower case are the same.

    Raises:
        PluginError: As `checks_of`.
    """
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
