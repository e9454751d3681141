"""Whose split and classes new semantics take: those of semantics that are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.sources import sha256_of
from gzslbench.data.load import Place, find, require_semantics
from gzslbench.errors import DataError
from gzslbench.files import check_folder, reading

USUAL = "att"


@dataclass(frozen=True)
class Basis:
    """Semantics that are there.

    Attributes:
        path: The dataset's folder, or its HDF5 file.
        semantics: Their name.
        class_names: C names.
        file: The file that holds them.
    """

    path: Path
    semantics: str
    class_names: tuple[str, ...]
    file: Path

    @property
    def in_folder(self) -> bool:
        """Whether the dataset lies in a folder, not in one HDF5 file."""
        return self.path != self.file

    def provenance(self) -> dict[str, object]:
        """Which semantics they are; of a splits file its sha256 too."""
        told: dict[str, object] = {"semantics": self.semantics, "file": self.file.name}
        return told | {"sha256": sha256_of(self.file)} if self.in_folder else told


def find_basis(dataset: str | Path, split_of: str | None, root: str | Path | None = None) -> Basis:
    """The semantics ``split_of`` of a dataset; None takes ``att``, or the only ones there are.

    Raises:
        DataError: The dataset lies in no files, or has no such semantics.
    """
    place = find(dataset, root)
    if not isinstance(place, Place):
        raise DataError(
            "its data lie in no files", where=dataset, fix="name a folder of splits, or an imported .h5 file"
        )
    with reading(place.path, DataError):
        if place.path.is_file():
            there = hdf5.open_hdf5(place.path, split_of)
            return Basis(place.path, there.semantics_name, there.class_names, place.path)
        return _of_folder(place.path, split_of)


def _of_folder(folder: Path, split_of: str | None) -> Basis:
    check_folder(folder, DataError)
    there = xlsa17.semantics_names(folder)
    if not there:
        raise DataError(
            "no semantics whose split could be taken",
            where=folder / f"*{xlsa17.SPLITS}",
            fix="put att_splits.mat there; of an .h5 file without one, name the file itself",
        )
    chosen = split_of or (there[0] if len(there) == 1 else USUAL)
    require_semantics(folder, chosen)
    splits = xlsa17.read_splits(folder, chosen)
    return Basis(folder, chosen, splits.class_names, splits.path)
