"""Find the datasets below the data root, and what a run can take from each folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gzslbench.data.attributes import SEPARATOR, attribute_files
from gzslbench.data.catalogue import ABOVE, data_root, find_folder, known_as
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.load import feature_files
from gzslbench.errors import DataError
from gzslbench.files import reading
from gzslbench.plugins.dataset import DatasetSpec


@dataclass(frozen=True)
class Inventory:
    """What the folder of a dataset has for ``run --features`` and ``--semantics``, and what is missing.

    ``folder`` is None if a known dataset is not there. ``missing`` are files of the published dataset, or
    what a built one lacks.
    """

    name: str
    folder: Path | None
    features: tuple[str, ...]
    semantics: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def can_run(self) -> bool:
        """Whether there are features and semantics."""
        return bool(self.features and self.semantics)


def take_inventory(root: str | Path | None = None) -> list[Inventory]:
    """Look into the folder of each known dataset, and of every other dataset below the data root.

    A dataset that a function creates has its features and semantics, and no folder.

    Raises:
        DataError: A folder may not be read.
    """
    from gzslbench.plugins.registry import plugins  # late, as in `find`

    known = [
        Inventory(spec.name, None, (spec.features,), (spec.semantics,), ())
        if spec.load
        else look_into(spec.name, find_folder(spec.name, root), spec)
        for spec in plugins().datasets().values()
    ]
    return [*known, *(look_into(folder.name, folder) for folder in _find_others(data_root(root)))]


def look_into(name: str, folder: Path | None, spec: DatasetSpec | None = None) -> Inventory:
    """Return what a folder has, compared with the published files of ``spec`` if it is a known dataset."""
    features: list[str] = []
    semantics: set[str] = set()
    if folder is not None:
        with reading(folder, DataError):
            features = feature_files(folder)
            stored = (path for path in folder.glob("*.h5") if hdf5.is_ours(path))
            semantics = {*xlsa17.semantics_names(folder)}.union(*map(hdf5.stored_semantics, stored))
            known = frozenset(semantics)
            semantics.update(
                name for name in attribute_files(folder) if name.partition(SEPARATOR)[0] in known
            )
    if spec:
        missing = [] if spec.features in features else [f"{spec.features}.mat"]
    else:
        missing = [] if features else ["features"]
    wanted = [*spec.expected.semantics] if spec and spec.expected else ["att"] if not semantics else []
    others = (wish for wish in wanted if wish not in semantics and not wish.startswith(xlsa17.RAW))
    missing += [f"{wish}{xlsa17.SPLITS}" for wish in others]
    return Inventory(name, folder, tuple(features), tuple(sorted(semantics)), tuple(missing))


def _find_others(root: Path) -> Iterator[Path]:
    """Yield the folders directly in those that may have datasets, with splits, and no known name."""
    for above in (root / above for above in ABOVE):
        with reading(above, DataError):
            folders = sorted(above.iterdir()) if above.is_dir() else []
            for folder in folders:
                is_dataset = folder.is_dir() and any(folder.glob(f"*{xlsa17.SPLITS}"))
                if is_dataset and known_as(folder.name) is None:
                    yield folder
