"""The checks of each kind of plugin, and finding the plugin to check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.testing import datasets, heads, metadata_checks
from gzslbench.testing.check import Check, bind
from gzslbench.testing.datasets import DatasetCase
from gzslbench.testing.heads import HeadCase
from gzslbench.testing.methods import contract, repeatability, training
from gzslbench.testing.methods.case import MethodCase

Spec = MethodSpec | HeadSpec | DatasetSpec | ExtractorSpec
KINDS: Mapping[str, Callable[[], Mapping[str, Spec]]] = {
    "method": lambda: plugins().methods(),
    "head": lambda: plugins().heads(),
    "dataset": lambda: plugins().datasets(),
    "extractor": lambda: plugins().extractors(),
}
"""All installed plugins of each kind, by name."""


def extractor_checks(spec: ExtractorSpec, model: str = "", weights: str | None = None) -> Sequence[Check]:
    """Return the checks of an extractor, with a model and weights (a file or a name) if it needs them."""
    from gzslbench.testing import extractors  # needs Pillow, which is an extra

    return bind(extractors, extractors.ExtractorCase(spec, model, weights))


def checks_of(plugin: str | Spec, kind: str | None = None, *, fast: bool = False) -> Sequence[Check]:
    """Return the checks of one method, head, dataset or extractor, in the order in which to correct them.

    Args:
        plugin: Its name, or its spec.
        kind: A key of `KINDS`, if plugins of several kinds have the name.
        fast: Whether to leave out the checks that train for a long time.

    Raises:
        PluginError: No plugin or plugins of several kinds have the name, or the kind is unknown.
    """
    spec = find_spec(plugin, kind)[1] if isinstance(plugin, str) else plugin
    return [check for check in _all_checks(spec) if not (fast and check.slow)]


def _all_checks(spec: Any) -> Sequence[Check]:
    if isinstance(spec, DatasetSpec):
        return bind(datasets, DatasetCase(spec))
    if isinstance(spec, ExtractorSpec):
        return extractor_checks(spec)
    if isinstance(spec, HeadSpec):
        return [*bind(metadata_checks, spec), *bind(heads, HeadCase(spec))]
    case = MethodCase(spec)
    return [
        *bind(metadata_checks, spec),
        *(check for module in (contract, repeatability, training) for check in bind(module, case)),
    ]


def all_specs(kind: str | None = None) -> list[tuple[str, Spec]]:
    """Return every installed plugin, or all of one kind, as pairs of kind and spec."""
    if kind is not None and kind not in KINDS:
        raise PluginError(f"no kind {kind!r}", where="--kind", fix=did_you_mean(kind, list(KINDS)))
    kinds = KINDS if kind is None else (kind,)
    return [(name, spec) for name in kinds for spec in KINDS[name]().values()]


def find_spec(name: str, kind: str | None = None) -> tuple[str, Spec]:
    """Return the kind and the spec of a plugin. For a dataset, upper and lower case are the same."""
    known = all_specs(kind)
    found = [pair for pair in known if pair[1].name == name] or [
        pair for pair in known if pair[0] == "dataset" and pair[1].name.lower() == name.lower()
    ]
    if not found:
        names = [spec.name for _, spec in known]
        raise PluginError(f"no {kind or ' or '.join(KINDS)} {name!r}", fix=did_you_mean(name, names))
    if len(found) > 1:
        kinds = [pair[0] for pair in found]
        raise PluginError(f"{name!r} is a {' and a '.join(kinds)}", fix=f"add --kind {kinds[0]}")
    return found[0]
