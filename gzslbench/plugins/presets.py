"""Read the settings of a method or a head for each dataset, from its ``defaults.toml`` or another file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.errors import ParamError
from gzslbench.files import parse_toml, reading
from gzslbench.plugins.params import build
from gzslbench.plugins.spec import PRESETS

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from gzslbench.plugins.head import HeadSpec
    from gzslbench.plugins.method import MethodSpec

DEFAULT = "default"
_METHOD = "method"
_SOURCE = "source"


@dataclass(frozen=True)
class Preset:
    """The settings for one dataset.

    Attributes:
        table: Name of the narrowest table: ``default``, ``CUB``, or ``CUB/sent`` for one choice of semantics.
        values: The parameters that differ from the code's defaults, those of wider tables included.
        source: Where the numbers come from.
        places: For each parameter, its file and table, for messages.
    """

    table: str
    values: Mapping[str, Any]
    source: str
    places: Mapping[str, str] = field(default_factory=dict)


def load_presets(spec: MethodSpec | HeadSpec) -> dict[str, Preset]:
    """Read and check every table of the plugin's defaults.toml, by name; empty if it has no such file."""
    file, tables = _read_tables(spec)
    presets = {name: _preset(spec, file, tables, name) for name in tables}
    for found in presets.values():
        build(spec.params, found.values, found.places)
    return presets


def preset(spec: MethodSpec | HeadSpec, dataset: str, semantics: str, file: Path | None = None) -> Preset:
    """Read the narrowest table that fits: ``DATASET/semantics``, else ``DATASET``, else ``default``.

    The tables are the plugin's own, or those of ``file``. Only this table and the wider ones are read, and no
    value is checked: ``build`` does that.
    """
    name, tables = _read_tables(spec, file)
    for table in (f"{dataset}/{semantics}", dataset, DEFAULT):
        if table in tables:
            return _preset(spec, name, tables, table)
    if file is not None:
        fix = f"it has: {', '.join(tables) or 'none'}; one called [{DEFAULT}] fits every dataset"
        raise ParamError(f"it has no table for {dataset}/{semantics}", where=file, fix=fix)
    return Preset(DEFAULT, {}, "")


@cache
def preset_values(spec: MethodSpec | HeadSpec, dataset: str, semantics: str) -> Mapping[str, Any]:
    """Return all parameters as the plugin's preset for a dataset sets them; read once per process."""
    found = preset(spec, dataset, semantics)
    return build(spec.params, found.values, found.places).as_dict()


def find_beside(spec: MethodSpec | HeadSpec, name: str) -> Traversable | None:
    """Return the file ``name`` in the package of the code that ``spec`` loads; None if there is none."""
    try:
        found = find_spec(spec.load.partition(":")[0])
    except ImportError:  # the package above it is missing, which loading the plugin says
        return None
    if found is None or not found.parent:
        return None
    file = files(found.parent).joinpath(name)
    return file if file.is_file() else None


def _read_tables(spec: MethodSpec | HeadSpec, file: Path | None = None) -> tuple[str, Mapping[str, Any]]:
    """Return name and tables of ``file``, or of the plugin's own file; no tables if there is none."""
    if file is None:
        own = find_beside(spec, PRESETS)
        if own is None:
            return "", {}
        place, content = str(own), own.read_bytes()
    else:
        with reading(file, ParamError):
            place, content = str(file), file.read_bytes()
    try:
        return place, parse_toml(content)
    except ValueError as error:
        raise ParamError(f"not TOML: {error}", where=place, fix="correct the file at that line") from error


def _preset(spec: MethodSpec | HeadSpec, file: str, tables: Mapping[str, Any], name: str) -> Preset:
    """Merge a table with the wider ones."""
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    source = ""
    for wider in dict.fromkeys((DEFAULT, name.partition("/")[0], name)):
        table = tables.get(wider, {})
        where = f"{file}: table [{wider}]"
        if not isinstance(table, dict):
            fix = "put parameters under [default] or a dataset"
            raise ParamError(f"{wider!r} is not a table", where=where, fix=fix)
        if table.get(_METHOD, spec.name) != spec.name:
            what = f"the table is for {table[_METHOD]}, not for {spec.name}"
            fix = f"name another file, or remove {_METHOD!r} from the table to use it all the same"
            raise ParamError(what, where=where, fix=fix)
        source = str(table.get(_SOURCE, ""))
        own = {key: value for key, value in table.items() if key not in (_SOURCE, _METHOD)}
        values |= own
        places |= dict.fromkeys(own, where)
    return Preset(name, values, source, places)
