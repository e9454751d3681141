"""The settings of a method or a head for each dataset, from the defaults.toml beside its code or another."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError
from gzslbench.files import reading
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import build

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "defaults.toml"
DEFAULT = "default"
_METHOD = "method"
_SOURCE = "source"


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
    return _presets(spec, str(file), file.read_text(encoding="utf-8"))


def preset(spec: MethodSpec | HeadSpec, dataset: str, semantics: str, file: Path | None = None) -> Preset:
    """The narrowest table that fits: ``DATASET/semantics``, else ``DATASET``, else ``default``.

    ``file``: take the tables of this file, as ``gzslbench tune`` writes it, and none of the plugin's own.

    Raises:
        ParamError: As ``load_presets``; or the file is not there, has no table that fits, or is for another
            method.
    """
    presets = load_presets(spec) if file is None else _read_presets(spec, file)
    for name in (f"{dataset}/{semantics}", dataset, DEFAULT):
        if name in presets:
            return presets[name]
    if file is not None:
        raise ParamError(
            f"it has no table for {dataset}/{semantics}",
            where=file,
            fix=f"it has: {', '.join(presets) or 'none'}; one called [{DEFAULT}] fits every dataset",
        )
    return Preset(DEFAULT, {}, "")


def _read_presets(spec: MethodSpec | HeadSpec, file: Path) -> dict[str, Preset]:
    with reading(file, ParamError):
        content = file.read_bytes()
    try:
        return _presets(spec, str(file), content.decode())
    except UnicodeDecodeError as error:
        raise ParamError(f"not TOML: {error}", where=file, fix="name a file of presets") from error


def _presets(spec: MethodSpec | HeadSpec, file: str, text: str) -> dict[str, Preset]:
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise ParamError(f"not TOML: {error}", where=file, fix="mend the file at that line") from error
    return {name: _preset(spec, file, tables, name) for name in tables}


def _preset(spec: MethodSpec | HeadSpec, file: str, tables: Mapping[str, Any], name: str) -> Preset:
    merged: dict[str, Any] = {}
    for wider in dict.fromkeys((DEFAULT, name.partition("/")[0], name)):
        table = tables.get(wider, {})
        where = f"{file}: table [{wider}]"
        if not isinstance(table, dict):
            raise ParamError(
                f"{wider!r} is no table", where=where, fix="put parameters under [default] or a dataset"
            )
        if table.get(_METHOD, spec.name) != spec.name:
            raise ParamError(
                f"the table is for {table[_METHOD]}, not for {spec.name}",
                where=where,
                fix=f"name another file, or remove {_METHOD!r} from the table to take it all the same",
            )
        source = str(table.get(_SOURCE, ""))
        values = {key: value for key, value in table.items() if key not in (_SOURCE, _METHOD)}
        build(spec.params, values, where)
        merged.update(values)
    return Preset(name, merged, source)
