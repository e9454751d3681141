"""Verify a dataset: read everything again and compare it with what is recorded and known."""

from __future__ import annotations

from pathlib import Path

from gzslbench.data.catalogue import Comparison, compare, known_as
from gzslbench.data.checks import check_features
from gzslbench.data.dataset import Dataset, content_fingerprint
from gzslbench.data.load import find, load_dataset
from gzslbench.errors import DataError
from gzslbench.files import reading, sha256_of
from gzslbench.plugins.dataset import DatasetSpec


def verify_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    semantics: str | None = None,
    root: str | Path | None = None,
) -> tuple[Dataset, list[Comparison]]:
    """Load a dataset with every check, hash its content again, and compare it with the catalogue.

    Source files that still exist next to an HDF5 file are compared with their checksums too.

    Raises:
        DataError: It cannot be loaded, or a check of its values fails.
    """
    dataset = load_dataset(name_or_path, features, semantics, root)
    found = find(name_or_path, root)
    where = found.load if isinstance(found, DatasetSpec) else str(found.path)
    check_features(dataset.features, f"{where}: features {dataset.features_name}")
    content = content_fingerprint(dataset.features, dataset.labels, dataset.semantics)
    lines = [Comparison("content", dataset.content, content)]
    if not isinstance(found, DatasetSpec):
        folder = found.path if found.path.is_dir() else found.path.parent
        with reading(folder, DataError):
            lines += [
                Comparison(f"sha256 of {name}", sha256, sha256_of(folder / name))
                for name, sha256 in dataset.files.items()
                if (folder / name).is_file()
            ]
    spec = known_as(dataset.name)
    if spec is not None and spec.expected is not None:
        lines += compare(dataset, spec.expected)
    return dataset, lines
