"""Files with damage: every reader must read them correctly or raise a GzslBenchError."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.findings import Attempt, repeat
from gzslbench_benchmarks.torture.readers import READERS
from gzslbench_benchmarks.torture.readers.reader import Reader, freeze

BATCH, SLOW_BATCH = 160, 4
"""Mutants that are tried in one process."""


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield mutants of the file of each reader, a batch of each in turn, without an end."""
    for turn in count():
        for reader in READERS:
            size = SLOW_BATCH if reader.slow else BATCH
            batch = Batch(reader, seed, range(turn * size, (turn + 1) * size), root / reader.name)
            yield from map(batch.attempt, batch.numbers)


class Batch:
    """Mutants of one reader's file with these numbers, tried in one process."""

    def __init__(self, reader: Reader, seed: int, numbers: range, folder: Path) -> None:
        self.reader, self.seed, self.numbers, self.folder = reader, seed, numbers, folder

    def attempt(self, number: int) -> Attempt:
        """Return one mutant; the first that runs tries all of them."""
        name = self.reader.name
        return Attempt(
            name, repeat(name, self.seed, number), lambda: self.outcomes[number - self.numbers.start]
        )

    @cached_property
    def outcomes(self) -> list[str | None]:
        """What each mutant does."""
        if not self.folder.exists():
            self.folder.mkdir()
            self.reader.make(self.folder)
            shutil.copyfile(self.reader.file(self.folder), self._original)
        return run_apart([partial(self._try, number) for number in self.numbers])

    @property
    def _original(self) -> Path:
        """The valid file, because a crash leaves a damaged one where the reader looks."""
        return self.folder.with_name(f".{self.folder.name}-original")

    @cached_property
    def _expected(self) -> Any:
        shutil.copyfile(self._original, self.reader.file(self.folder))
        return freeze(self.reader.read(self.reader.file(self.folder))) if self.reader.guarded else None

    def _try(self, number: int) -> str | None:
        random = np.random.default_rng([self.seed, number, *self.reader.name.encode()])
        expected = self._expected
        return self.reader.attack(self.folder, self._original.read_bytes(), expected, random)
