"""A reader that is attacked, with the small valid file that it reads."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench_benchmarks.torture.mutations import Mutation, Random

_made: dict[Callable[[Path], None], Path] = {}


@dataclass(frozen=True)
class Reader:
    """A reader and the file that it reads.

    Attributes:
        make: Creates valid files in an empty folder; they depend on nothing but the code.
        pattern: Finds the file that gets damaged.
        mutate: Damages its content.
        read: Reads the file in its folder, and returns what can be compared.
        guarded: Whether a checksum must notice every change of what is read.
        slow: Whether one reading takes more than a twentieth of a second.
    """

    name: str
    make: Callable[[Path], None]
    pattern: str
    mutate: Mutation
    read: Callable[[Path], Any]
    guarded: bool = False
    slow: bool = False

    def file(self, folder: Path) -> Path:
        """Return the file that gets damaged."""
        return next(folder.glob(self.pattern))

    def attack(self, folder: Path, content: bytes, expected: Any, random: Random) -> str | None:
        """Read the file in ``folder`` after damage to its ``content``.

        ``expected`` is what an undamaged file gives, if it is guarded.

        Raises:
            GzslBenchError: As it should be; anything else that is raised is a finding.
        """
        file = self.file(folder)
        file.write_bytes(self.mutate(content, random))
        found = self.read(file)
        return "damage was not noticed" if self.guarded and freeze(found) != expected else None


def freeze(value: Any) -> Any:
    """Return a value that equals another one if what was read is equal to the bit."""
    if isinstance(value, np.ndarray):
        return (
            str(value.dtype),
            value.shape,
            hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest(),
        )
    if is_dataclass(value) and not isinstance(value, type):
        return freeze({name: getattr(value, name) for name in value.__dataclass_fields__})
    if isinstance(value, Mapping):
        return {str(key): freeze(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [freeze(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def once(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Let ``make`` compute its files once, and copy them into all further folders."""

    def make_or_copy(folder: Path) -> None:
        first = _made.get(make)
        if first is not None and first.exists():
            shutil.copytree(first, folder, dirs_exist_ok=True)
            return
        make(folder)
        _made[make] = folder.with_name(f".{folder.name}")
        shutil.copytree(folder, _made[make])

    return make_or_copy
