"""Reading everything again and comparing it with what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gzslbench.data.catalogue import Comparison, compare, known_as
from gzslbench.data.checks import check_features
from gzslbench.data.content import content_hash
from gzslbench.data.dataset import Dataset
from gzslbench.data.formats.sources import sha256_of
from gzslbench.data.load import find, load_dataset
from gzslbench.errors import DataError
from gzslbench.files import reading
from gzslbench.plugins.dataset import DatasetSpec


def verify_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    semantics: str | None = None,
    root: str | Path | None = None,
) -> tuple[Dataset, list[Comparison]]:
    """Load a dataset with every check, hash its content again, and compare it with the catalogue.

    The checksums of source files that are still beside an HDF5 file are compared too.

    Raises:
        DataError: It cannot be loaded, or a check on its values fails.
    """
    dataset = load_dataset(name_or_path, features, semantics, root)
    found = find(name_or_path, root)
    where = found.load if isinstance(found, DatasetSpec) else str(found.path)
    check_features(dataset.features, f"{where}: features {dataset.features_name}")
    lines = list(_content(dataset))
    if not isinstance(found, DatasetSpec):
        folder = found.path if found.path.is_dir() else found.path.parent
        with reading(folder, DataError):
            lines += _files(dataset, folder)
    spec = known_as(dataset.name)
    if spec is not None and spec.expected is not None:
        lines += compare(dataset, spec.expected)
    return dataset, lines


def _content(dataset: Dataset) -> Iterator[Comparison]:
    again = content_hash(dataset.features, dataset.labels, dataset.semantics)
    yield Comparison("content", dataset.content, again)


def _files(dataset: Dataset, folder: Path) -> Iterator[Comparison]:
    for name, sha256 in dataset.files.items():
        if (folder / name).is_file():
            yield Comparison(f"sha256 of {name}", sha256, sha256_of(folder / name))
