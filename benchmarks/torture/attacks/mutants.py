"""Files with damage: every reader must read them correctly or raise a GzslBenchError."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from itertools import count
from pathlib import Path

import numpy as np

from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.findings import Attempt, repeat
from gzslbench_benchmarks.torture.readers import READERS, Reader

BATCH = 50


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield mutants of the file of each reader, a batch of each in turn, without an end."""
    for start in count(0, BATCH):
        for reader in READERS:
            batch = Batch(reader, seed, start, root / reader.name)
            yield from (batch.attempt(start + number) for number in range(BATCH))


class Batch:
    """Mutants of one reader's file with numbers from ``start``, tried in one process."""

    def __init__(self, reader: Reader, seed: int, start: int, folder: Path) -> None:
        self.reader, self.seed, self.start, self.folder = reader, seed, start, folder

    def attempt(self, number: int) -> Attempt:
        """Return one mutant; the first that is run runs all of them."""
        name = self.reader.name
        return Attempt(name, repeat(name, self.seed, number), lambda: self.outcomes[number - self.start])

    @cached_property
    def outcomes(self) -> list[str | None]:
        """What each mutant does."""
        if not self.folder.exists():
            self.folder.mkdir()
            self.reader.make(self.folder)
        numbers = range(self.start, self.start + BATCH)
        return run_apart([partial(self._try, number) for number in numbers])

    def _try(self, number: int) -> str | None:
        random = np.random.default_rng([self.seed, number, *self.reader.name.encode()])
        return self.reader.attack(self.folder, random)
