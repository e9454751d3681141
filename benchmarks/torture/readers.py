"""The readers that are attacked, each with a small valid file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench_benchmarks.torture.mutations import Mutation, Random, mutate_json


@dataclass(frozen=True)
class Reader:
    """A reader and the file that it reads.

    Attributes:
        make: Creates valid files in an empty folder; they depend on nothing but the code.
        file: The one that gets damaged.
        mutate: Damages its content.
        read: Reads the folder, and returns something that can be compared.
        guarded: Whether a checksum must notice every change of what is read.
    """

    name: str
    make: Callable[[Path], None]
    file: str
    mutate: Mutation
    read: Callable[[Path], Any]
    guarded: bool = False

    def attack(self, folder: Path, random: Random) -> str | None:
        """Damage the file in ``folder``, read it, and put the file back.

        Raises:
            GzslBenchError: As it should be; anything else that is raised is a finding.
        """
        file = folder / self.file
        content = file.read_bytes()
        expected = self.read(folder) if self.guarded else None
        try:
            file.write_bytes(self.mutate(content, random))
            found = self.read(folder)
        finally:
            file.write_bytes(content)
        return "damage was not noticed" if self.guarded and found != expected else None


def _make_record(folder: Path) -> None:
    import gzslbench

    gzslbench.run("eszsl", "digits", results=folder / "results", quiet=True)
    next((folder / "results").glob("*/record.json")).parent.rename(folder / "run")


def _read_record(folder: Path) -> Any:
    from gzslbench.runs.record import Record, Summary

    record = Record.from_json((folder / "run" / "record.json").read_bytes())
    return record.to_json(), Summary.of(record).as_dict(), record.comparable(), record.cell.id


READERS: tuple[Reader, ...] = (Reader("record", _make_record, "run/record.json", mutate_json, _read_record),)
