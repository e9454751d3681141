"""Values that the shell completes: names of plugins and datasets, files, parameters, suites and runs.

Each function takes what click passes, and returns nothing where it cannot know: a key press must not print an
error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gzslbench.plugins.registry import Plugins

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def completes(values: Callable[[click.Context, str], Iterable[str]]) -> Complete:
    """Turn a function of the context and the typed text into what click calls."""

    @wraps(values)
    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        try:
            return [value for value in values(ctx, incomplete) if value.startswith(incomplete)]
        except Exception:
            return []

    return complete


def _plugins() -> Plugins:
    from gzslbench.plugins.registry import plugins

    return plugins()


@completes
def methods(_ctx: click.Context, _text: str) -> Iterable[str]:
    """Names of methods."""
    return sorted(_plugins().methods())


@completes
def heads(_ctx: click.Context, _text: str) -> Iterable[str]:
    """Names of heads."""
    return sorted(_plugins().heads())


@completes
def extractors(_ctx: click.Context, _text: str) -> Iterable[str]:
    """Names of extractors."""
    return sorted(_plugins().extractors())


@completes
def datasets(ctx: click.Context, _text: str) -> Iterable[str]:
    """Known datasets, and folders that have a split."""
    from gzslbench.data.catalogue import local_datasets

    return sorted({*_plugins().datasets(), *local_datasets(ctx.params.get("data"))})


@completes
def features(ctx: click.Context, _text: str) -> Iterable[str]:
    """Feature files of the dataset."""
    from gzslbench.data.load import feature_files

    return feature_files(_folder(ctx))


@completes
def semantics(ctx: click.Context, _text: str) -> Iterable[str]:
    """Semantics of the dataset."""
    from gzslbench.data.formats.xlsa17 import semantics_names

    return semantics_names(_folder(ctx))


def _folder(ctx: click.Context) -> Path:
    from gzslbench.data.load import find

    path: Path = find(str(ctx.params["dataset"]), ctx.params.get("data")).path  # type: ignore[union-attr]
    return path


def settings_of(kind: str) -> Complete:
    """Return what completes assignments to parameters of the ``method`` or ``head`` of the command."""

    @completes
    def settings(ctx: click.Context, text: str) -> Iterable[str]:
        from gzslbench.plugins.params import fields_of

        registry, name = _plugins(), str(ctx.params[kind])
        spec = registry.method(name) if kind == "method" else registry.head(name)
        name, sign, _ = text.partition("=")
        for parameter in fields_of(spec.params):
            if not sign:
                yield f"{parameter.name}="
            elif parameter.name == name and " | " in parameter.range:
                yield from (f"{name}={choice}" for choice in parameter.range.split(" | "))

    return settings


@completes
def suites(_ctx: click.Context, text: str) -> Iterable[str]:
    """Bundled suites, and files that may be suites."""
    from gzslbench.sweeps.suites.suite import bundled_suites

    here = [path.as_posix() for path in sorted(Path(text).parent.glob("*.toml"))]
    return [*sorted(bundled_suites()), *here]


@completes
def runs(ctx: click.Context, _text: str) -> Iterable[str]:
    """Ids of stored runs."""
    from gzslbench.runs.store import DEFAULT_ROOT, LATEST, Store

    folder = Path(ctx.params.get("results") or DEFAULT_ROOT)
    return [LATEST, *(found.id for found in Store(folder).runs())]
