"""The datasets known by name: what their files contain, and in which folders they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from gzslbench.errors import DataError
from gzslbench.files import is_there, lock, writing
from gzslbench.plugins.dataset import Archive, DatasetSpec, Expected

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

XLSA17_PAGE = (
    "https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/"
    "zero-shot-learning/zero-shot-learning-the-good-the-bad-and-the-ugly/"
)
ROOT_VARIABLE = "GZSLBENCH_DATA"
ABOVE = ("", "data", "xlsa17/data", "cvpr18xian/data")
"""Folders of the data root that may contain the datasets' folders; two are what archives unpack to."""
LOCK = ".gzslbench.files"


@dataclass(frozen=True)
class Comparison:
    """An expected value of a dataset next to the value that was found."""

    what: str
    expected: str
    found: str

    @property
    def agrees(self) -> bool:
        """Return whether both are the same."""
        return self.expected == self.found


@cache
def catalogue() -> Mapping[str, DatasetSpec]:
    """Return the known file datasets by name, from catalogue.toml."""
    text = files("gzslbench.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _spec(name, table) for name, table in tomllib.loads(text).items()}


def known_as(name: str) -> DatasetSpec | None:
    """Return the file dataset called ``name`` in any case; None if there is no such dataset."""
    return {known.lower(): spec for known, spec in catalogue().items()}.get(name.lower())


def compare(dataset: Dataset, expected: Expected) -> Iterator[Comparison]:
    """Compare counts, dimensions and fingerprints of split and semantics; skip what is not known."""
    split = dataset.split
    yield Comparison("images", str(expected.rows), str(len(dataset.labels)))
    yield Comparison("seen classes", str(expected.seen), str(len(dataset.seen_classes)))
    yield Comparison("unseen classes", str(expected.unseen), str(len(dataset.unseen_classes)))
    for part, count in expected.counts.items():
        yield Comparison(f"rows of {part}", str(count), str(split.counts[part]))
    found, known = split.fingerprint, list(expected.fingerprints.values())
    yield Comparison("split fingerprint", found if found in known else known[0], found)
    for what, name, array, known_dimensions in (
        ("features", dataset.features_name, dataset.features, expected.features),
        ("semantics", dataset.semantics_name, dataset.semantics, expected.semantics),
    ):
        if name in known_dimensions:
            yield Comparison(f"dimension of {what} {name}", str(known_dimensions[name]), str(array.shape[1]))
    if content := expected.semantics_content.get(dataset.semantics_name):
        yield Comparison(f"content of semantics {dataset.semantics_name}", content, dataset.semantics_content)


def _spec(name: str, table: dict[str, Any]) -> DatasetSpec:
    general = {key: table.pop(key) for key in ("title", "paper", "images") if key in table}
    archives = tuple(Archive(**archive) for archive in table.pop("archives"))
    return DatasetSpec(name, url=XLSA17_PAGE, archives=archives, expected=Expected(**table), **general)


def data_root(root: str | Path | None = None) -> Path:
    """Return ``root``, else the folder in $GZSLBENCH_DATA, else ./data."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def candidates(name: str, root: str | Path | None = None) -> list[Path]:
    """Return the folders in which the dataset ``name`` is searched, in order."""
    return [data_root(root) / above / name for above in ABOVE]


def find_folder(name: str, root: str | Path | None = None) -> Path | None:
    """Return the folder of the dataset ``name``, or None if there is no such folder."""
    folders = candidates(name, root)
    return next((folder for folder in folders if is_there(folder, DataError) and folder.is_dir()), None)


def require_folder(spec: DatasetSpec, root: str | Path | None = None) -> Path:
    """Return the folder of a known dataset; the error says how to get the files."""
    folder = find_folder(spec.name, root)
    if folder is None:
        below = ", ".join(above for above in ABOVE if above)
        where = f"{candidates(spec.name, root)[0]}, or the same under {below}"
        raise DataError(f"the files of {spec.name} are missing", where=where, fix=how_to_get(spec, root))
    return folder


def how_to_get(spec: DatasetSpec, root: str | Path | None = None) -> str:
    """Return advice where the files of a known dataset come from and where they go."""
    archives = [archive for archive in spec.archives if not archive.images]
    fetch = f"run `gzslbench data fetch {spec.name}`; or " if archives else ""
    address = f" ({archives[0].url})" if archives else ""
    return (
        f"{fetch}get the archive{address} from the page of 'Zero-Shot Learning: the Good, the Bad and "
        f"the Ugly' at the Max Planck Institute for Informatics, {XLSA17_PAGE}, and unpack its {spec.name} "
        f"folder to {candidates(spec.name, root)[0]}; or name the folder above it with --data or "
        f"${ROOT_VARIABLE}"
    )


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process writes derived files to ``folder``, then lock it."""
    elsewhere = "name a file in a folder that you may write to with --out"
    with ExitStack() as stack:
        with writing(folder, "the folder cannot be written to", DataError, elsewhere):
            stack.enter_context(lock(folder / LOCK, wait=True))
        yield
