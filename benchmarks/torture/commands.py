"""Commands that write, each with the files it starts from, and what of its result can be compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

_TIMES = re.compile(
    rb'"[^"]*(?:seconds|started|command|date|time|memory|id_file)[^"]*": ?(?:"[^"]*"|\[[^\]]*\]|[-+.\de]+)'
)
_DIFFERS = re.compile(
    r"(^|/)(lock|\.gzslbench\.files|log\.txt|\.index.*|\.tasks.*)$|\.journal$|^(results/)?\.sweeps/"
)
"""Files that say when and where something ran, or that only save time."""
_MODIFIED = re.compile(rb'"modified": \d+')
"""When the file that an .h5 file was computed from was written."""
_MAT_HEADER = 128
"""Bytes of a text with the time."""


@dataclass(frozen=True)
class Command:
    """A command line that writes.

    Attributes:
        name: Names its attempts.
        arguments: What follows ``gzslbench``; it runs in the folder of its files.
        setup: Command lines that create what it starts from; a function changes the files.
        again: The arguments that go on after it broke off.
        once: Whether it is an error to repeat it when it is done.
        status: Its exit status when nothing disturbs it.
    """

    name: str
    arguments: Sequence[str]
    setup: Sequence[Sequence[str] | Callable[[Path], None]] = ()
    again: Sequence[str] = ()
    once: bool = False
    status: int = 0


def snapshot(root: Path) -> dict[str, str]:
    """Return a digest of each file below ``root`` by its path, without times; locks may be there or not."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not _DIFFERS.search(name):
            content = path.read_bytes()
            if path.suffix in (".json", ".jsonl", ".html"):
                content = _TIMES.sub(b"", content)
            elif path.name.startswith("checkpoint"):  # has the seconds that were spent
                content = b""
            elif path.suffix == ".h5":
                content = _MODIFIED.sub(b"", _read_hdf5(path))
            elif path.suffix == ".mat":
                content = content[_MAT_HEADER:]
            found[name] = hashlib.sha256(content).hexdigest()
    return found


def _read_hdf5(path: Path) -> bytes:
    """Return all that a file has; where in the file it lies depends on what was there before."""
    found: list[object] = []

    def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
        found.append((name, sorted((key, str(value)) for key, value in item.attrs.items())))
        if isinstance(item, h5py.Dataset):
            found.append((str(item.dtype), item.shape, item[()].tobytes()))

    try:
        with h5py.File(path, locking=False) as file:
            add("/", file)
            file.visititems(add)
    except OSError:  # half a file
        return path.read_bytes()
    return repr(found).encode()


def edit_record(folder: Path) -> None:
    """Change a metric in a record, so that it is not that of its predictions any more."""
    record = next(folder.glob("results/*/record.json"))
    record.write_text(re.sub(r'"U": [\d.]+', '"U": 99.5', record.read_text()))


SMALL = ["--method", "dem", "--dataset", "toy", "--epochs", "1", "--set", "hidden=8"]
RUN = ("run", *SMALL, "--results", "results")
LONG = ("run", *SMALL, *["--epochs", "2", "--checkpoint-every", "1", "--results", "results"])
TOY = ("data", "synth", "toy", *["--like", "APY", "--scale", "0.002"])
IMPORT = ("data", "import", "toy", "--out", "toy.h5")
EXPORT = ("runs", "export", "--results", "results", "--out", "runs.zip")
TUNE = ("tune", *SMALL, *["--trials", "2", "--results", "results", "--no-test"])
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
BIRDS = ("data", "build", "birds", *["--images", "photos", "--semantics", "semantics.csv"])
BUILD = (*BIRDS, *["--unseen", "unseen.txt"])
WAVES = ("data", "build", "waves", *["--features", "wave.npy", "--labels", "wave.csv"])
BUILD_WAVES = (*WAVES, *["--semantics", "semantics.csv", "--unseen", "unseen.txt"])
IMAGES = ("--dataset", "birds", "--images", "photos", "--extractor", "tiny", "--batch-size", "8")
EXTRACT = ("extract", *IMAGES)
FINETUNE = ("finetune", *IMAGES, *["--epochs", "2", "--device", "cpu"])
ENCODE = ("data", "semantics", "waves", *["--encoder", "letters", "--name", "words"])
WORDS = ("data", "semantics", "waves", *["--encoder", "words", "--name", "words"])
NAME_VECTORS = (*WORDS, *["--of", "attributes", "--attributes", "attributes.txt"])
FETCH = ("data", "fetch", "PETS", "--data", "data")
REMOVE = ("runs", "remove", "dem-toy", *["--yes", "--results", "results"])
IMPORT_SUBMISSION = ("runs", "import", "submission", "--results", "other")
SUBMISSION = ("runs", "export", "--results", "results", "--out", "submission")
QUARANTINE = ("runs", "verify", "--quarantine", "results")
REGRESS = ("regress", "two.toml", *["--results", "results", "--stored", "stored.json"])
CONTROLS = ("controls", "eszsl", "--dataset", "toy", "--results", "results")
COMMANDS = (
    Command("run", RUN, [TOY], again=(*RUN, "--resume")),
    Command("run-long", LONG, [TOY], again=(*LONG, "--resume")),
    Command("rerun", (*RUN, "--rerun"), [TOY, RUN]),
    Command("rerun-long", (*LONG, "--rerun"), [TOY, LONG]),
    Command("rerun-resumed", (*LONG, "--rerun"), [TOY, LONG], again=(*LONG, "--resume")),
    Command("synth", TOY, once=True),
    Command("import", ("data", "import", "toy"), [TOY]),
    Command("import-again", IMPORT, [TOY, IMPORT]),
    Command("tune", TUNE, [TOY]),
    Command("export", EXPORT, [TOY, RUN]),
    Command("export-again", EXPORT, [TOY, RUN, EXPORT]),
    Command("runs-import", ("runs", "import", "runs.zip", "--results", "other"), [TOY, RUN, EXPORT]),
    Command("evaluate", EVALUATE, [TOY, LABELS]),
    Command("report", REPORT, [TOY, RUN]),
    Command("report-again", REPORT, [TOY, RUN, REPORT, (*RUN, "--seed", "4")]),
    Command("build", BUILD),
    Command("build-arrays", BUILD_WAVES),
    Command("extract", EXTRACT, [BUILD]),
    Command("extract-regions", (*EXTRACT, "--regions"), [BUILD]),
    Command("extract-again", (*EXTRACT, "--again"), [BUILD, EXTRACT]),
    Command("finetune", FINETUNE, [BUILD]),
    Command("finetune-again", (*FINETUNE, "--again"), [BUILD, FINETUNE]),
    Command("semantics", ENCODE, [BUILD_WAVES], once=True),
    Command("semantics-again", (*ENCODE, "--overwrite"), [BUILD_WAVES, ENCODE]),
    Command("name-vectors", NAME_VECTORS, [BUILD_WAVES]),
    Command("fetch", FETCH),
    Command("remove", REMOVE, [TOY, RUN], once=True),
    Command("submission", SUBMISSION, [TOY, RUN], once=True),
    Command("import-submission", IMPORT_SUBMISSION, [TOY, RUN, SUBMISSION]),
    Command("quarantine", QUARANTINE, [TOY, RUN, edit_record], status=1),
    Command("new-plugin", ("new", "plugin", "mine"), once=True),
    Command("confusion", ("show", "latest", "--results", "results", "--confusion", "c.csv"), [TOY, RUN]),
    Command("bib", ("leaderboard", "results", "--format", "latex", "--bib", "cited.bib"), [TOY, RUN]),
    Command("template", LABELS, [TOY], once=True),
    Command("tune-preset", (*TUNE, "--write", "mine.toml"), [TOY]),
    Command("controls", CONTROLS, [TOY], again=(*CONTROLS, "--resume")),
    Command("regress", (*REGRESS, "--update", "--reason", "first"), [TOY]),
    Command("sweep", ("sweep", "two.toml", *["--results", "results", "--jobs", "1"]), [TOY]),
)
"""Every command that writes, but for ``new method``, which writes into a checkout of gzslbench."""
ONLY_READ = (
    *("methods", "heads", "extractors", "datasets", "data show", "data verify", "predict", "runs list"),
    *("compare", "claims", "check", "doctor"),
)
"""The commands that write nothing, or nothing that stays."""
