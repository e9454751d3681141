"""Odd environments: full and closed outputs, few descriptors, little memory, no home, no extras, no locks.

Every command ends as it should, or with a message and exit 2; never with a traceback.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from gzslbench_benchmarks.torture.commands import EXPORT, IMPORT, RUN, SUITE, TOY
from gzslbench_benchmarks.torture.findings import Attempt, repeat

_SECONDS = 300
_EXTRAS = (
    *("PIL", "optuna", "matplotlib", "ray", "pandas", "pyarrow", "tensorboard", "mlflow", "wandb", "timm"),
    *("transformers", "sentence_transformers", "safetensors", "torchvision", "efficientnet_lite_pytorch"),
)
_HIDE = f"""
import importlib.util, sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
find = importlib.util.find_spec
hidden = lambda name: name.partition(".")[0] in {_EXTRAS!r}
importlib.util.find_spec = lambda name, *rest: None if hidden(name) else find(name, *rest)
"""
_NO_LOCKS = """
import errno, fcntl
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = refuse
"""
_START = "import sys; from gzslbench.cli import main; main(prog_name='gzslbench')"


@dataclass(frozen=True)
class Environment:
    """How a command is started: a line of the shell, code that runs first, and the exits that are right."""

    shell: str = 'exec "$@"'
    before: str = ""
    exits: Sequence[int] = (0, 1, 2)


ENVIRONMENTS = {
    "usual": Environment(),
    "full-output": Environment('exec "$@" >/dev/full'),
    "closed-output": Environment('exec "$@" >&-'),
    "closed-streams": Environment('exec "$@" <&- >&- 2>&-'),
    "reader-leaves": Environment('"$@" | head -c 1'),
    "descriptors": Environment('ulimit -n 32; exec "$@"'),
    # Too little to load torch. With a little more, its C++ code may abort the process.
    "little-memory": Environment('ulimit -v 350000; exec "$@"'),
    "no-home": Environment('unset HOME TMPDIR XDG_CACHE_HOME XDG_CONFIG_HOME; exec "$@"'),
    "missing-tmp": Environment('TMPDIR=/does/not/exist HOME=/does/not/exist exec "$@"'),
    "ascii": Environment('LC_ALL=C LANG=C PYTHONUTF8=0 PYTHONIOENCODING=ascii exec "$@"'),
    "no-extras": Environment(before=_HIDE),
    "no-locks": Environment(before=_NO_LOCKS),
}
LINES: tuple[Sequence[str], ...] = (
    (*RUN, "--seed", "7", "--json"),
    *(("methods",), ("methods", "cada-vae"), ("heads",), ("extractors",), ("datasets",), ("doctor",)),
    *(("data", "show", "toy"), ("data", "verify", "toy"), ("data", "import", "toy", "--out", "other.h5")),
    ("data", "synth", "more", *["--like", "APY", "--scale", "0.002"]),
    *(("show", "latest", "--results", "results"), ("runs", "list", "results"), ("runs", "verify", "results")),
    ("runs", "export", "--results", "results", "--out", "more.zip"),
    ("runs", "import", "runs.zip", "--results", "more"),
    *(("leaderboard", "results"), ("compare", "results"), ("report", "results", "--out", "site")),
    ("tune", *RUN[1:-2], "--trials", "1", "--no-test", "--results", "studies"),
    ("sweep", "two.toml", "--results", "results", "--dry-run"),
    *(("check", "eszsl", "--fast"), ("--help",), ("tune", "--help"), ("claims", "digits")),
    ("show", "latest", "--results", "results", "--figures", "figures"),
    ("run", *RUN[1:], "--track", "tensorboard"),
    ("extract", *["--dataset", "toy", "--images", "toy", "--extractor", "resnet101", "--out", "x.h5"]),
    ("finetune", *["--dataset", "toy", "--images", "toy", "--extractor", "resnet101"]),
    ("sweep", "two.toml", "--executor", "ray", "--results", "results"),
    ("evaluate", "--dataset", "toy", "--template", "labels.csv"),
)


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield every command in every environment once."""
    place = Place(root)
    for number, line in enumerate(LINES):
        for name in ENVIRONMENTS:
            yield Attempt(name, repeat(name, seed, number), partial(place.attack, name, line))


class Place:
    """The folder with what the commands read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def folder(self) -> Path:
        """The folder, which is filled the first time."""
        folder = self.root / "start"
        folder.mkdir(parents=True)
        (folder / "two.toml").write_text(SUITE)
        for line in (TOY, RUN, IMPORT, EXPORT):
            start("usual", line, folder).check_returncode()
        return folder

    def attack(self, name: str, line: Sequence[str]) -> str | None:
        """Run a command line in an environment; say what is wrong."""
        try:
            ended = start(name, line, self.folder)
        except subprocess.TimeoutExpired:
            return f"no end within {_SECONDS} s: {' '.join(line)}"
        words = " ".join(line)
        if "Traceback" in ended.stderr or "Exception ignored" in ended.stderr:
            return f"traceback of {line[0]}: {ended.stderr.strip().splitlines()[-1][:150]} of {words}"
        if ended.returncode not in ENVIRONMENTS[name].exits:
            return f"exit {ended.returncode} of {line[0]}: {ended.stderr.strip()[-150:]} of {words}"
        if ended.returncode == 2 and name != "closed-streams" and "rror" not in ended.stderr:
            return f"exit 2 without a message of {line[0]}: {words}"
        return None


def start(name: str, line: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in an environment, and wait for its end."""
    environment = ENVIRONMENTS[name]
    words = [sys.executable, "-c", environment.before + _START, *line]
    shell = ["bash", "-c", environment.shell, "bash", *words]
    return subprocess.run(
        shell, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
    )
