"""Datasets of the Python API."""

from __future__ import annotations

from pathlib import Path

from gzslbench.api.arguments import check_arguments, require_type
from gzslbench.data.dataset import Dataset
from gzslbench.data.load import load_dataset
from gzslbench.data.variants import check_in_memory
from gzslbench.errors import ParamError

DatasetLike = str | Path | Dataset
"""Everywhere a dataset is its name, the path of its folder or HDF5 file, or the dataset itself."""


@check_arguments
def load(
    dataset: DatasetLike,
    features: str | None = None,
    semantics: str | None = None,
    data: str | Path | None = None,
) -> Dataset:
    """Load a dataset as arrays, and check it.

    ``task.train``, ``task.test_seen`` and ``task.test_unseen`` have ``features``, ``labels`` and ``rows``;
    ``task.semantics`` has a row per class, and ``task.classes`` their names.

    Args:
        dataset: A name of ``gzslbench datasets``, the path of a folder or of an HDF5 file of gzslbench, or a
            Dataset that you made or changed in memory, which is checked.
        features: The feature file without its ending, for example ``res101``. Default: the dataset's own.
        semantics: For example ``att`` or ``sent``. Default: the dataset's own.
        data: The folder that holds the datasets. Default: $GZSLBENCH_DATA, else ./data.

    Raises:
        DataError: It is unknown, missing or damaged, or it contradicts itself.
    """
    fix = "give a name, a path, or what gzslbench.load returned"
    require_type("dataset", dataset, (str, Path, Dataset), fix)
    if not isinstance(dataset, Dataset):
        return load_dataset(dataset, features, semantics, data)
    for argument, requested, own in (
        ("features", features, dataset.features_name),
        ("semantics", semantics, dataset.semantics_name),
    ):
        if requested not in (None, own):
            fix = f"leave {argument} out, or load the dataset again with {argument}={requested!r}"
            raise ParamError(f"the dataset has {own!r}, not {requested!r}", where=argument, fix=fix)
    return check_in_memory(dataset)
