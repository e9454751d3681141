"""The settings of a method or a head for each dataset, from the defaults.toml beside its code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from gzslbench.errors import ParamError
from gzslbench.head import HeadSpec
from gzslbench.method import MethodSpec
from gzslbench.params import build

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "defaults.toml"
DEFAULT = "default"


@dataclass(frozen=True)
class Preset:
    """What defaults.toml says for one dataset.

    Attributes:
        table: The table's name: ``default``, ``CUB``, or ``CUB/sent`` for one choice of semantics.
        values: The parameters that differ from the code's defaults, those of wider tables included.
        source: Where the numbers come from.
    """

    table: str
    values: Mapping[str, Any]
    source: str


def load_presets(spec: MethodSpec | HeadSpec) -> dict[str, Preset]:
    """Every table of the plugin's defaults.toml by name; empty where it has none.

    Raises:
        ParamError: The file is no TOML, or a table holds an unknown or impossible parameter.
    """
    package = spec.load.partition(":")[0].rpartition(".")[0]
    file = files(package).joinpath(FILE) if package else None
    if file is None or not file.is_file():
        return {}
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ParamError(f"not TOML: {error}", where=file, fix="mend the file at that line") from error
    return {name: _preset(spec, str(file), tables, name) for name in tables}


def preset(spec: MethodSpec | HeadSpec, dataset: str, semantics: str) -> Preset:
    """The narrowest table that fits: ``DATASET/semantics``, else ``DATASET``, else ``default``.

    Raises:
        ParamError: As ``load_presets``.
    """
    presets = load_presets(spec)
    for name in (f"{dataset}/{semantics}", dataset, DEFAULT):
        if name in presets:
            return presets[name]
    return Preset(DEFAULT, {}, "")


def _preset(spec: MethodSpec | HeadSpec, file: str, tables: Mapping[str, Any], name: str) -> Preset:
    merged: dict[str, Any] = {}
    for wider in dict.fromkeys((DEFAULT, name.partition("/")[0], name)):
        table = tables.get(wider, {})
        where = f"{file}: table [{wider}]"
        if not isinstance(table, dict):
            raise ParamError(
                f"{wider!r} is no table", where=where, fix="put parameters under [default] or a dataset"
            )
        source = str(table.get("source", ""))
        values = {key: value for key, value in table.items() if key != "source"}
        build(spec.params, values, where)
        merged.update(values)
    return Preset(name, merged, source)
