"""The datasets known by name: what their files contain, and in which folders they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import is_there, lock, parse_toml, writing
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
NEXT_LINE = "\n         "
"""Between two lines of advice, which begins after ``  to do: ``."""


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
    content = files("gzslbench.data").joinpath("catalogue.toml").read_bytes()
    return {name: _spec(name, table) for name, table in parse_toml(content).items()}


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
    names = ("title", "paper", "images", "url", "advice", "sources")
    general = {"url": XLSA17_PAGE} | {key: table.pop(key) for key in names if key in table}
    archives = tuple(Archive(**archive) for archive in table.pop("archives", ()))
    expected = Expected(**table) if table else None
    return DatasetSpec(name, archives=archives, expected=expected, **general)


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


def local_datasets(root: str | Path | None = None) -> list[str]:
    """Return the names of the folders with a split: below the data root, and below this folder."""
    folders = [*(data_root(root) / above for above in ABOVE), Path()]
    return sorted({split.parent.name for folder in folders for split in folder.glob("*/*_splits.mat")})


def require_folder(spec: DatasetSpec, root: str | Path | None = None) -> Path:
    """Return the folder of a known dataset; the error says how to get the files."""
    folder = find_folder(spec.name, root)
    if folder is None:
        below = ", ".join(above for above in ABOVE if above)
        where = f"{candidates(spec.name, root)[0]}, or the same under {below}"
        raise DataError(f"the files of {spec.name} are missing", where=where, fix=how_to_get(spec, root))
    return folder


def how_to_get(spec: DatasetSpec, root: str | Path | None = None) -> str:
    """Return advice where the files of a known dataset come from and where they go, in short lines."""
    folder = candidates(spec.name, root)[0]
    archives = [archive for archive in spec.archives if not archive.images]
    lines = spec.advice.strip().splitlines()
    if archives:
        lines += [f"run `gzslbench data fetch {spec.name}`, or get the archive", archives[0].url]
        lines += [f"and unpack its folder {spec.name} to", str(folder)]
    page = [f"the page of the {'archive' if archives else 'dataset'}:", spec.url] if spec.url else []
    where = [] if spec.advice else [f"or name the folder above {spec.name} with --data or ${ROOT_VARIABLE}"]
    return NEXT_LINE.join([*lines, *where, *page])


def missing_semantics(
    semantics: str, path: Path, known: Iterable[str], spec: DatasetSpec | None
) -> DataError:
    """Return the error for semantics that ``path`` does not have, with their source if it is known."""
    advice = did_you_mean(semantics, list(known))
    if spec is not None and semantics in spec.sources:
        advice = NEXT_LINE.join([*spec.sources[semantics].strip().splitlines(), advice])
    return DataError(f"no semantics {semantics!r}", where=path, fix=advice)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process writes derived files to ``folder``, then lock it."""
    elsewhere = "name a file in a folder that you may write to with --out"
    with ExitStack() as stack:
        with writing(folder, "the folder cannot be written to", DataError, elsewhere):
            stack.enter_context(lock(folder / LOCK, wait=True))
        yield
