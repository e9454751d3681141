"""Odd environments: full outputs, few descriptors, little memory, no home, no extras, no locks, and more.

Every command ends as it should, or with a message and exit 2; never with a traceback. Where a folder was
read-only or files could not grow, the command then goes on to what it usually does.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

from gzslbench_benchmarks.torture.commands import EXPORT, IMPORT, RUN, SUITE, TOY
from gzslbench_benchmarks.torture.findings import Attempt, repeat

_SECONDS = 300
_LIBC = ctypes.CDLL(None)
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
import errno, fcntl, os
def refuse(*_):
    raise OSError(errno.{0}, os.strerror(errno.{0}))
fcntl.flock = refuse
"""
_EARLIER = """
import time
now, now_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: now() - 9e7, lambda: now_ns() - 90_000_000 * 10**9
"""
_FUTURE = 2_240_000_000
"""A time in 2040."""
_START = "import sys; from gzslbench.cli import main; main(prog_name='gzslbench')"


@dataclass(frozen=True)
class Environment:
    """How a command is started.

    Attributes:
        shell: A line of the shell that starts it.
        before: Code that runs first in its process.
        exits: The exits that are right.
        read_only: Folders and files to which nothing can be written.
        future: Whether all files were written in the future, as after a clock is set back.
        limited: Whether it keeps a command from writing: then the command must go on without it.
    """

    shell: str = 'exec "$@"'
    before: str = ""
    exits: Sequence[int] = (0, 1, 2)
    read_only: Sequence[str] = ()
    future: bool = False
    limited: bool = False


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
    "no-locks": Environment(before=_NO_LOCKS.format("ENOLCK")),
    "no-locks-nosys": Environment(before=_NO_LOCKS.format("ENOSYS")),
    "no-locks-notsup": Environment(before=_NO_LOCKS.format("EOPNOTSUPP")),
    "no-locks-io": Environment(before=_NO_LOCKS.format("EIO")),
    "clock-back": Environment(before=_EARLIER, future=True),
    "small-files": Environment('ulimit -f 1; exec "$@"', limited=True),
    "smaller-files": Environment('ulimit -f 24; exec "$@"', limited=True),
    "read-only-results": Environment(read_only=("results",), limited=True),
    "read-only-data": Environment(read_only=("toy", "toy.h5"), limited=True),
    "read-only-home": Environment('HOME=$PWD/home TMPDIR=$PWD/home exec "$@"', read_only=("home",)),
    "read-only-all": Environment('HOME=$PWD/home exec "$@"', read_only=(".",), limited=True),
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

    @cache  # noqa: B019 - there is one place
    def usual(self, line: Sequence[str]) -> int:
        """Return how a command ends in the usual environment."""
        return start("usual", line, self.copy()).returncode

    def copy(self) -> Path:
        """Return a fresh copy of the folder."""
        now = self.folder.with_name("now")
        allow_writing(now)
        shutil.rmtree(now, ignore_errors=True)
        return Path(shutil.copytree(self.folder, now))

    def attack(self, name: str, line: Sequence[str]) -> str | None:
        """Run a command line in an environment; say what is wrong."""
        words, folder, environment = " ".join(line), self.copy(), ENVIRONMENTS[name]
        try:
            ended = start(name, line, folder)
            allow_writing(folder)
            again = start("usual", line, folder) if environment.limited else None
        except subprocess.TimeoutExpired:
            return f"no end within {_SECONDS} s: {words}"
        if "Traceback" in ended.stderr or "Exception ignored" in ended.stderr:
            return f"traceback of {line[0]}: {ended.stderr.strip().splitlines()[-1][:150]} of {words}"
        if ended.returncode not in environment.exits:
            return f"exit {ended.returncode} of {line[0]}: {ended.stderr.strip()[-150:]} of {words}"
        if ended.returncode == 2 and name != "closed-streams" and "rror" not in ended.stderr:
            return f"exit 2 without a message of {line[0]}: {words}"
        if again is not None and ended.returncode == 2 and again.returncode != self.usual(line):
            return f"{line[0]} does not go on: {again.stderr.strip()[-200:]} of {words}"
        return None


def start(name: str, line: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in an environment, and wait for its end."""
    environment = ENVIRONMENTS[name]
    words = [sys.executable, "-c", environment.before + _START, *line]
    shell = ["bash", "-c", environment.shell, "bash", *words]
    if environment.future:
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (_FUTURE, _FUTURE))
    for place in environment.read_only:
        (folder / "home").mkdir(exist_ok=True)
        for path in (folder / place, *(folder / place).rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
    return subprocess.run(
        shell,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
        preexec_fn=_obey_modes if environment.read_only and os.geteuid() == 0 else None,
    )


def allow_writing(folder: Path) -> None:
    """Let the owner write again, and so remove, all that is in a folder."""
    for path in (folder, *folder.rglob("*")) if folder.exists() else ():
        path.chmod(path.stat().st_mode | 0o200)


def _obey_modes() -> None:
    """Take from a process of root, on Linux, the right to write where the mode forbids it."""
    for override in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
        _LIBC.prctl(24, override, 0, 0, 0)  # PR_CAPBSET_DROP
