"""Small synthetic datasets on which checks train, each for a case that methods often get wrong."""

from __future__ import annotations

from functools import cache

from gzslbench.data.dataset import Dataset
from gzslbench.data.synthetic.dataset import make_synthetic

SHAPES = {
    "small": {"classes": 10, "unseen": 3, "per_class": 15},
    "one seen class": {"classes": 3, "unseen": 2, "per_class": 15},
    "few rows": {"classes": 5, "unseen": 2, "per_class": 5},
    "many classes": {"classes": 43, "unseen": 3, "per_class": 3},
}
"""Classes, unseen ones among them, and rows per class, of which a fifth (at least one) is for testing."""


@cache
def toy_dataset(name: str = "small") -> Dataset:
    """Return the dataset with the shape `name` of `SHAPES`: 16 features, 6 semantic dimensions."""
    return make_synthetic(**SHAPES[name], dim=16, semantic_dim=6, noise=0.35, seed=5)
