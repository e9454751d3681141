"""What a cell holds of its dataset, which can be known without reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset


@dataclass(frozen=True)
class Task:
    """A dataset with one choice of features and semantics, by name and fingerprint.

    Attributes:
        dataset: Its name.
        semantics: Their name before any shuffling, which presets go by.
        id: As ``Dataset.task_id``, shuffled semantics told apart.
        validation: Fingerprint of its validation split; None where nobody asked for it.
    """

    dataset: str
    semantics: str
    id: str
    validation: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Task:
        """As ``as_dict`` wrote it."""
        return cls(**values)


def task_of(dataset: Dataset, semantics: str, validated: bool) -> Task:
    """The task of a dataset in memory.

    Args:
        dataset: Perhaps with shuffled semantics.
        semantics: Their name before.
        validated: Whether the validation split is asked for.
    """
    from gzslbench.data.validation import validation_dataset

    validation = validation_dataset(dataset).split.fingerprint if validated else None
    return Task(dataset.name, semantics, dataset.task_id, validation)
