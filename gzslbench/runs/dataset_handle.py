"""A dataset on its way to processes that may not have its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset
    from gzslbench.runs.plan import Request


@dataclass(frozen=True)
class DatasetHandle:
    """Read when it is pickled, a ``Dataset`` where it arrives: whoever sends many of them holds none."""

    dataset: str
    features: str | None
    semantics: str | None
    data: Path | None

    @classmethod
    def of(cls, request: Request) -> DatasetHandle:
        """The one that is asked for, its semantics not shuffled."""
        return cls(request.dataset, request.features, request.semantics, request.data)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the dataset, its features as an array that need not be copied.

        Raises:
            DataError: It cannot be read.
        """
        from gzslbench.data.load import load_dataset

        read = load_dataset(self.dataset, self.features, self.semantics, self.data)
        return _arrived, (replace(read, features=np.asarray(read.features)),)


def _arrived(dataset: Dataset) -> Dataset:
    return dataset
