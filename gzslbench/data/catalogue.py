"""The datasets known by name, and what their files should hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from gzslbench.plugins.dataset import Archive, DatasetSpec, Expected

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

XLSA17_PAGE = (
    "https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/"
    "zero-shot-learning/zero-shot-learning-the-good-the-bad-and-the-ugly/"
)


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
    """Compare counts, dimensions and the split's fingerprint; skip unknown features and semantics."""
    split = dataset.split
    yield Comparison("images", str(expected.rows), str(len(dataset.labels)))
    yield Comparison("seen classes", str(expected.seen), str(len(dataset.seen_classes)))
    yield Comparison("unseen classes", str(expected.unseen), str(len(dataset.unseen_classes)))
    for part, count in expected.counts.items():
        yield Comparison(f"rows of {part}", str(count), str(split.counts[part]))
    known = list(expected.fingerprints.values())
    yield Comparison(
        "split fingerprint", split.fingerprint if split.fingerprint in known else known[0], split.fingerprint
    )
    for what, name, array, known_dimensions in (
        ("features", dataset.features_name, dataset.features, expected.features),
        ("semantics", dataset.semantics_name, dataset.semantics, expected.semantics),
    ):
        if name in known_dimensions:
            yield Comparison(f"dimension of {what} {name}", str(known_dimensions[name]), str(array.shape[1]))


def _spec(name: str, table: dict[str, Any]) -> DatasetSpec:
    title, paper, images = table.pop("title"), table.pop("paper"), table.pop("images", "")
    archives = tuple(Archive(**archive) for archive in table.pop("archives"))
    return DatasetSpec(
        name=name,
        title=title,
        paper=paper,
        url=XLSA17_PAGE,
        expected=Expected(**table),
        images=images,
        archives=archives,
    )
