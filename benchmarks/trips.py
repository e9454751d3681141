"""Count the source files of ours that four common operations pass through.

A reader who follows an operation in the code opens one file after another. This program measures that path:
it runs each operation under a profiler and counts the distinct source files in which one of our functions is
called. Imports do not count. Each operation runs in a process of its own, so that no cache is warm. The data
is a small synthetic folder of .mat files with the shape of AWA2.

    python -m gzslbench_benchmarks.trips [--json] [--list] [--only NAME]
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import click

PACKAGES = ("gzslbench", "gzslbench_methods", "gzslbench_features", "gzslbench_benchmarks")
METHOD = "ce-gzsl"
SEED = 1
SCALE = 0.01
"""The share of the rows of AWA2 that the synthetic folder has."""
_DATASET, _RESULTS = "awa2", "results"
_SMALL = {"batch_size": "16", "syn_num": "10"}

Action = Callable[[], object]


@dataclass(frozen=True)
class Trip:
    """An operation whose files are counted.

    Attributes:
        what: What it does.
        aim: The number of files that it should not exceed.
        before: The number of files in version 0.1.
        prepare: Returns the action to measure; its argument is the folder with the data and the stored run.
    """

    what: str
    aim: int
    before: int
    prepare: Callable[[Path], Action]


def _prepare_run(folder: Path) -> Action:
    from gzslbench.cli import main

    arguments = ["run", "--method", METHOD, "--dataset", str(folder / _DATASET), "--epochs", "1"]
    for name, value in _SMALL.items():
        arguments += ["--set", f"{name}={value}"]
    arguments += ["--results", str(folder / _RESULTS), "--seed", str(SEED), "--device", "cpu"]
    return lambda: main(arguments, standalone_mode=False)


def _prepare_load(folder: Path) -> Action:
    from gzslbench.data.load import load_dataset

    return lambda: load_dataset(str(folder / _DATASET))


def _prepare_step(folder: Path) -> Action:
    from gzslbench.data.load import load_dataset
    from gzslbench.data.views import make_views
    from gzslbench.plugins.params import build, parse_assignments
    from gzslbench.plugins.registry import plugins
    from gzslbench.training.stage_run import StageRun
    from gzslbench.training.trainer import build_method

    spec = plugins().method(METHOD)
    view, _ = make_views(load_dataset(str(folder / _DATASET)), spec.preprocessing, "cpu", spec.setting)
    settings = parse_assignments(spec.params, [f"{name}={value}" for name, value in _SMALL.items()])
    method = build_method(spec, view, build(spec.params, settings, "trips"), SEED)
    run = StageRun(method.stages()[0], method, view, SEED)
    run.iterate()  # the first step also starts the epoch
    return run.iterate


def _prepare_leaderboard(folder: Path) -> Action:
    from gzslbench.report.leaderboard.board import boards
    from gzslbench.report.leaderboard.entry import read_entries

    def look_up() -> object:
        tables, _ = boards(read_entries([folder / _RESULTS]), "last", "H")
        return tables[0].rows[0].scores

    return look_up


TRIPS: Mapping[str, Trip] = {
    "run": Trip(f"gzslbench run: one epoch of {METHOD}", 60, 98, _prepare_run),
    "load": Trip("a folder of .mat files to a Dataset", 15, 34, _prepare_load),
    "step": Trip("one training step, from the batch to the update", 10, 18, _prepare_step),
    "leaderboard": Trip("a stored record to its cell of the leaderboard", 12, 41, _prepare_leaderboard),
}


def files_entered(action: Action) -> list[str]:
    """Call `action` and return the source files of ours in which a function was called, sorted.

    A file is named by its package and the path in it. All threads are watched. A child process is not.
    """
    roots = _roots()
    entered: set[str] = set()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        # Only the code of functions is "optimized". That of modules and class bodies, run by imports, is not;
        # neither is the __getattr__ of a package, which imports a name when it is first used.
        is_function = code.co_flags & inspect.CO_OPTIMIZED and code.co_name != "__getattr__"
        if event == "call" and is_function:
            entered.add(code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # None ends it
    ours = {name: f"{package}/" for name, package in roots.items()}
    found = (
        package + str(Path(file).relative_to(root))
        for file in entered
        for root, package in ours.items()
        if Path(file).is_relative_to(root) and file != __file__
    )
    return sorted(found)


def _roots() -> dict[Path, str]:
    """Return the folder of each of our packages with the package's name."""
    specs = {package: find_spec(package) for package in PACKAGES}
    return {
        Path(spec.origin).parent: package
        for package, spec in specs.items()
        if spec is not None and spec.origin is not None
    }


_COUNT = (
    "import json, sys; from pathlib import Path; from gzslbench_benchmarks import trips;"
    " print('\\n' + json.dumps(trips.measure(sys.argv[1], Path(sys.argv[2]))))"
)


def measure(name: str, folder: Path) -> list[str]:
    """Return the files that the trip `name` enters, measured in this process."""
    return files_entered(TRIPS[name].prepare(folder))


def measure_all(names: Sequence[str] = tuple(TRIPS)) -> dict[str, list[str]]:
    """Return the files of each trip in `names`, each measured in a new process."""
    from gzslbench.prepare.synthetic_folder import write_synthetic_folder

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_synthetic_folder("AWA2", folder / _DATASET, seed=SEED, scale=SCALE)
        found = {}
        # Compiling takes long, and enters no file of ours.
        environment = {**os.environ, "GZSLBENCH_COMPILE": "0"}
        for name in dict.fromkeys(["run", *names]):  # "leaderboard" reads the record that "run" leaves
            command = [sys.executable, "-c", _COUNT, name, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                raise click.ClickException(f"the trip {name!r} failed:\n{done.stderr}")
            found[name] = json.loads(done.stdout.splitlines()[-1])
        return {name: found[name] for name in names}


@click.command()
@click.option(
    "--only", "names", type=click.Choice(list(TRIPS)), multiple=True, help="Only this trip; repeatable."
)
@click.option("--list", "listed", is_flag=True, help="Also name the files of each trip.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: the aim, the count and the files of each trip."
)
def main(names: tuple[str, ...], listed: bool, as_json: bool) -> None:
    """Count the source files of ours that four common operations pass through.

    Exit status: 0 every count is within its aim; 1 one is above it.
    """
    found = measure_all(names or tuple(TRIPS))
    if as_json:
        rows = {
            name: {"aim": TRIPS[name].aim, "files": len(files), "names": files}
            for name, files in found.items()
        }
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(found, listed)
    if any(len(files) > TRIPS[name].aim for name, files in found.items()):
        raise SystemExit(1)


def _print(found: Mapping[str, Sequence[str]], listed: bool) -> None:
    click.echo(f"{'trip':<12} {'files':>5} {'aim':>4} {'0.1':>4}  what")
    for name, files in found.items():
        trip = TRIPS[name]
        click.echo(f"{name:<12} {len(files):>5} {trip.aim:>4} {trip.before:>4}  {trip.what}")
        if listed:
            click.echo("".join(f"    {file}\n" for file in files), nl=False)


if __name__ == "__main__":
    main()
