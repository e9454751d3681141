"""The file that features are written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gzslbench.data.formats.hdf5 import open_hdf5, stored_extraction, stored_semantics
from gzslbench.errors import DataError
from gzslbench.prepare.importing import check_target

_ANOTHER = "name another file with --out, or move it away"


def check_features_target(target: Path, provenance: Mapping[str, object]) -> None:
    """Refuse a file to write that would take the place of anything but features made in this very way.

    Raises:
        DataError: It is no .h5 file, or bears the name of features in a .mat file, or there is something
            else, or features of another extraction.
    """
    check_target(target)
    matlab = target.with_suffix(".mat")
    if matlab.exists():
        raise DataError("there are features of this name in a .mat file", where=matlab, fix=_ANOTHER)
    if target.exists():
        there = stored_extraction(target) or {}
        others = [name for name, value in _plain(provenance).items() if there.get(name) != value]
        if others:
            raise DataError(
                f"there are features of this name that were made otherwise: {', '.join(others)} differ",
                where=target,
                fix=_ANOTHER,
            )


def is_extracted(target: Path, files: Sequence[str]) -> bool:
    """Whether ``target``, once ``check_features_target`` has passed it, has a row of each photograph."""
    return target.exists() and open_hdf5(target, _any_semantics(target)).image_files == tuple(files)


def _any_semantics(target: Path) -> str:
    return next(iter(stored_semantics(target)))


def _plain(provenance: Mapping[str, object]) -> dict[str, object]:
    """As it reads back from JSON."""
    import json

    return dict(json.loads(json.dumps(provenance)))
