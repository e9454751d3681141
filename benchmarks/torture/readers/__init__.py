"""The readers that are attacked: a module for each kind of file, with a tuple ``READERS``."""

from __future__ import annotations

from gzslbench_benchmarks.torture.readers import arrays, datasets, images, progress, runs, settings, texts
from gzslbench_benchmarks.torture.readers.reader import Reader

READERS: tuple[Reader, ...] = tuple(
    reader
    for module in (datasets, runs, settings, progress, texts, arrays, images)
    for reader in module.READERS
)
"""Every reader of a file that may come from outside."""
