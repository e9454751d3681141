"""The datasets that gzslbench itself offers as a plugin."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.data.catalogue import catalogue
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.hooks import hookimpl


@hookimpl
def gzslbench_datasets() -> Iterable[DatasetSpec]:
    """Yield the known file datasets, and two that need no files."""
    yield from catalogue().values()
    yield DatasetSpec(
        name="digits",
        title="Handwritten digits of scikit-learn",
        load="gzslbench.data.synthetic.digits:load_digits",
        features="pixels",
        semantics="strokes",
        paper="Alpaydin and Kaynak, UCI Optical Recognition of Handwritten Digits, 1998",
        url="https://archive.ics.uci.edu/dataset/80",
    )
    yield DatasetSpec(
        name="synthetic",
        title="Synthetic features with a known answer",
        load="gzslbench.data.synthetic.dataset:load_synthetic",
        features="rectified",
        semantics="latent",
    )
