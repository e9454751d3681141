"""An attempt to break the toolkit, and the file with the counts of attempts and with the findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from gzslbench.errors import DataError, ParamError
from gzslbench.files import reading, write_atomically
from gzslbench_benchmarks.torture.readers import READERS

RECORDS = 1000
"""Records that an attempt of ``many-writers`` writes."""


@dataclass(frozen=True)
class Attempt:
    """One attempt.

    Attributes:
        name: What is attacked and how, such as ``record``. Attempts of one name are counted together.
        reproduction: A command that repeats the attempt, in one line.
        run: Attacks, and returns None if the toolkit held, or else what is wrong, in one line.
    """

    name: str
    reproduction: str
    run: Callable[[], str | None]


def repeat(name: str, seed: int, number: int) -> str:
    """Return the command that repeats attempt ``number``, counted from 0, of those called ``name``."""
    return f"python -m gzslbench_benchmarks.torture --seed {seed} --only {name} --number {number}"


NOTHING_TO_DO = "nothing to do"
"""What an attempt returns that had nothing to attack, such as a step that a command does not have."""


@dataclass(frozen=True)
class Finding:
    """A fault: the name of the attempt, what went wrong, and the command that repeats it.

    ``times`` is how many attempts found the same: the text before the first colon is equal.
    """

    name: str
    what: str
    reproduction: str
    times: int = 1

    @property
    def kind(self) -> tuple[str, str]:
        """What faults of one kind have in common."""
        return self.name, self.what.partition(": ")[0]

    def __str__(self) -> str:
        return f"{self.name}: {self.what} | {self.reproduction}"


@dataclass
class Results:
    """What was tried with one seed, and what it found.

    Attributes:
        done: By attack, how many of its attempts have run: the next run starts after them.
        attempts: By name, how many attempts have run.
        seconds: Time of all calls.
        calls: How many calls of the program these results come from; each goes on after the one before.
        note: What a person says about them; the program keeps it.
        version, commit, date: Of the code that the last attempts ran on, and when.
    """

    seed: int
    done: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    calls: int = 0
    note: str = ""
    version: str = ""
    commit: str | None = None
    date: str = ""

    @classmethod
    def read(cls, file: Path, seed: int) -> Results:
        """Read the results to continue from; empty ones if the file does not exist.

        Raises:
            ParamError: The file has the results of another seed.
            DataError: It cannot be read, or has other content.
        """
        if not file.exists():
            return cls(seed)
        try:
            with reading(file, DataError):
                values = json.loads(file.read_bytes())
            for computed in ("counts", "totals"):
                values.pop(computed, None)
            found = cls(**{**values, "findings": [Finding(**one) for one in values["findings"]]})
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            what = f"not results of this program: {error}"
            raise DataError(what, where=file, fix="name another file") from error
        if found.seed != seed:
            what = f"the results are of seed {found.seed}, not {seed}"
            raise ParamError(what, where=file, fix=f"continue with --seed {found.seed}, or name another file")
        return found

    def write(self, file: Path) -> None:
        """Replace ``file`` by these results, with the numbers of the table and their sums."""
        values = {**asdict(self), "totals": self.totals(), "counts": self.counts()}
        write_atomically(file, json.dumps(values, indent=2) + "\n", DataError, "name another file")

    def add(self, attack: str, attempt: Attempt, what: str | None) -> Finding | None:
        """Count an attempt of ``attack``; return the finding if it is the first of its kind."""
        self.done[attack] = self.done.get(attack, 0) + 1
        if what == NOTHING_TO_DO:
            return None
        self.attempts[attempt.name] = self.attempts.get(attempt.name, 0) + 1
        if what is None:
            return None
        finding = Finding(attempt.name, " ".join(what.split()), attempt.reproduction)
        for place, other in enumerate(self.findings):
            if other.kind == finding.kind:
                self.findings[place] = replace(other, times=other.times + 1)
                return None
        self.findings.append(finding)
        return finding

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of attempts and findings by name."""
        return {
            name: {
                "attempts": attempts,
                "findings": sum(found.times for found in self.findings if found.name == name),
                "kinds": sum(found.name == name for found in self.findings),
            }
            for name, attempts in sorted(self.attempts.items())
        }

    def totals(self) -> dict[str, int]:
        """Return how many files were damaged, processes killed and records written by many at once."""
        kills = sum(n for name, n in self.attempts.items() if name.endswith(("-killed", "random-kill")))
        readers = {reader.name for reader in READERS}
        return {
            "mutants": sum(n for name, n in self.attempts.items() if name in readers),
            "kills": kills,
            "records": RECORDS * self.attempts.get("many-writers", 0),
            "attempts": sum(self.attempts.values()),
            "findings": sum(found.times for found in self.findings),
        }

    def table(self) -> str:
        """Return the counts as a table of plain text, with a last line for all."""
        counts = self.counts()
        total = {key: sum(one[key] for one in counts.values()) for key in ("attempts", "findings", "kinds")}
        width = max(map(len, ("attack", *counts)))
        lines = (
            f"{name:{width}}" + "".join(f"{number:10}" for number in numbers.values())
            for name, numbers in (*counts.items(), ("all", total))
        )
        return "\n".join((f"{'attack':{width}}" + "".join(f"{key:>10}" for key in total), *lines))
