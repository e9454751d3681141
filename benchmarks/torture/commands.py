"""Commands that write, each with the files it starts from, and what of its result can be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMES = re.compile(
    rb'"[^"]*(?:seconds|started|command|date|time|memory|id_file)[^"]*": ?(?:"[^"]*"|\[[^\]]*\]|[-+.\de]+)'
)
_DIFFERS = re.compile(r"(^|/)(lock|log\.txt|\.index.*|\.tasks.*)$|\.journal$|^(results/)?\.sweeps/")
"""Files that say when and where something ran, or that only save time."""
_MAT_HEADER = 128
"""Bytes of a text with the time."""


@dataclass(frozen=True)
class Command:
    """A command line that writes.

    Attributes:
        name: Names its attempts.
        arguments: What follows ``gzslbench``; it runs in the folder of its files.
        setup: Command lines that create what it starts from.
        again: The arguments that go on after it broke off.
    """

    name: str
    arguments: Sequence[str]
    setup: Sequence[Sequence[str]] = ()
    again: Sequence[str] = ()


def snapshot(root: Path) -> dict[str, str]:
    """Return a digest of each file below ``root`` by its path, without times; locks may be there or not."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not _DIFFERS.search(name):
            content = path.read_bytes()
            if path.suffix in (".json", ".jsonl", ".html"):
                content = _TIMES.sub(b"", content)
            elif path.suffix == ".pt":  # has the seconds that were spent
                content = b""
            elif path.suffix == ".mat":
                content = content[_MAT_HEADER:]
            found[name] = hashlib.sha256(content).hexdigest()
    return found


SMALL = ["--method", "dem", "--dataset", "toy", "--epochs", "1", "--set", "hidden=8"]
RUN = ("run", *SMALL, "--results", "results")
LONG = ("run", *SMALL, *["--epochs", "2", "--checkpoint-every", "1", "--results", "results"])
TOY = ("data", "synth", "toy", *["--like", "APY", "--scale", "0.002"])
IMPORT = ("data", "import", "toy", "--out", "toy.h5")
EXPORT = ("runs", "export", "--results", "results", "--out", "runs.zip")
LABELS = ("evaluate", "--dataset", "toy", "--template", "labels.csv")
EVALUATE = ("evaluate", "labels.csv", *["--dataset", "toy", "--name", "mine", "--results", "results"])
REPORT = ("report", "results", "--out", "site", "--no-figures")
SUITE = """title = "Two runs"
about = "Small."
[shared]
dataset = "toy"
device = "cpu"
[[runs]]
name = "dem"
method = "dem"
epochs = 1
seeds = [1, 2]
set = { hidden = 8 }
"""
COMMANDS = (
    Command("run", RUN, [TOY], again=(*RUN, "--resume")),
    Command("run-long", LONG, [TOY], again=(*LONG, "--resume")),
    Command("rerun", (*RUN, "--rerun"), [TOY, RUN]),
    Command("rerun-long", (*LONG, "--rerun"), [TOY, LONG]),
    Command("rerun-resumed", (*LONG, "--rerun"), [TOY, LONG], again=(*LONG, "--resume")),
    Command("synth", TOY),
    Command("import", ("data", "import", "toy"), [TOY]),
    Command("import-again", IMPORT, [TOY, IMPORT]),
    Command("tune", ("tune", *SMALL, *["--trials", "2", "--results", "results", "--no-test"]), [TOY]),
    Command("export", EXPORT, [TOY, RUN]),
    Command("export-again", EXPORT, [TOY, RUN, EXPORT]),
    Command("runs-import", ("runs", "import", "runs.zip", "--results", "other"), [TOY, RUN, EXPORT]),
    Command("evaluate", EVALUATE, [TOY, LABELS]),
    Command("report", REPORT, [TOY, RUN]),
    Command("report-again", REPORT, [TOY, RUN, REPORT, (*RUN, "--seed", "4")]),
    Command("sweep", ("sweep", "two.toml", *["--results", "results", "--jobs", "1"]), [TOY]),
)
