"""Small made problems that checks train on, each for a case that methods stumble over."""

from __future__ import annotations

from functools import cache

from gzslbench.data.dataset import Dataset
from gzslbench.data.synthetic.dataset import make_synthetic

DIM = 16
SEMANTIC_DIM = 6
SCATTER = 0.35


@cache
def small() -> Dataset:
    """Seven seen and three unseen classes; 84 training rows."""
    return _made(classes=10, unseen=3, per_class=15)


@cache
def one_seen() -> Dataset:
    """One seen class of 12 training rows, and two unseen ones."""
    return _made(classes=3, unseen=2, per_class=15)


@cache
def few_rows() -> Dataset:
    """Three seen classes of four training rows each, and two unseen ones."""
    return _made(classes=5, unseen=2, per_class=5)


@cache
def many_classes() -> Dataset:
    """Forty seen classes of two training rows each, and three unseen ones."""
    return _made(classes=43, unseen=3, per_class=3)


def _made(classes: int, unseen: int, per_class: int) -> Dataset:
    return make_synthetic(classes, unseen, DIM, SEMANTIC_DIM, per_class, SCATTER, seed=5)
