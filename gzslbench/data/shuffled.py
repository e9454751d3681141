"""The control experiment: semantics that belong to other classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gzslbench.errors import DataError

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

SHUFFLED = "-shuffled"
"""Between the name of the semantics and the seed that they were shuffled by."""


def shuffle_semantics(dataset: Dataset, seed: int) -> Dataset:
    """Give every class the semantics of another one, so that whatever U and T1 remain are chance.

    The semantics move along one random cycle through all classes, so that none keeps its own.

    Args:
        dataset: With C > 1 classes.
        seed: Of the permutation.

    Returns:
        The dataset with ``-shuffled<seed>`` added to its semantics' name and a content hash of its own.

    Raises:
        DataError: There is only one class.
    """
    import numpy as np  # whoever lists stored runs needs the name alone

    from gzslbench.data.content import content_hash

    count = len(dataset.semantics)
    if count < 2:
        raise DataError(
            "one class alone has no other class's semantics",
            where=dataset.name,
            fix="use two classes or more",
        )
    order = np.random.default_rng(seed).permutation(count)
    semantics = np.empty_like(dataset.semantics)
    semantics[order] = dataset.semantics[np.roll(order, 1)]
    return replace(
        dataset,
        semantics_name=f"{dataset.semantics_name}{SHUFFLED}{seed}",
        semantics=semantics,
        content=content_hash(dataset.features, dataset.labels, semantics),
        notes=(*dataset.notes, f"control: semantics shuffled over the classes, seed {seed}"),
    )
