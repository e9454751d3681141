"""Short forms of the attacks on processes, and that these notice what they look for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from gzslbench.cli import main
from gzslbench.errors import StoreError
from gzslbench.files import atomic_folder, write_atomically, writing
from gzslbench_benchmarks.torture.attacks import broken_off, crowds, environments, plugins
from gzslbench_benchmarks.torture.attacks.broken_off import Started
from gzslbench_benchmarks.torture.commands import COMMANDS, ONLY_READ, Command, snapshot
from gzslbench_benchmarks.torture.findings import NOTHING_TO_DO
from gzslbench_benchmarks.torture.injection import FAILURES, Steps

COMMAND = Command("pair", ["write"])


@pytest.mark.parametrize("how", ["full", "refused"])
def test_a_file_and_a_folder_stay_whole_at_every_step_that_fails(tmp_path: Path, how: str) -> None:
    def write() -> None:
        write_atomically(tmp_path / "file", "new" * 10_000)
        with writing(tmp_path), atomic_folder(tmp_path / "folder") as scratch:
            (scratch / "part").write_text("new")

    write_atomically(tmp_path / "file", "old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part").write_text("old")
    step, ended = 0, False
    while not ended:
        steps = Steps(step, how)
        try:
            with steps.counted():
                write()
        except StoreError:
            pass
        left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
        assert left == {"file", "folder", "folder/part"}, f"after step {step}, {steps.last}"
        assert (tmp_path / "file").read_text() in ("old", "new" * 10_000)
        assert (tmp_path / "folder" / "part").read_text() in ("old", "new")
        step, ended = step + 1, steps.count <= step
    assert step > 8


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """A command of two steps that writes ``a``, then ``b``, as ``fault`` says."""
    (tmp_path / "pair" / "start").mkdir(parents=True)
    (tmp_path / "pair" / "start" / "kept").write_text("earlier")
    monkeypatch.setattr(Started, "start", property(lambda one: snapshot(one.root / "start")))
    return Started(COMMAND, tmp_path / "pair")


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (None, None),
        ("loses", "lost kept"),
        ("leaves", "other files at the end: ['.tmp']"),
        ("stays", "does not go on: exit 2"),
        ("raises", "killed: KeyError"),
    ],
)
def test_what_a_command_that_breaks_off_does_wrong_is_found(
    pair: Started, monkeypatch, fault: str | None, finding: str | None
) -> None:
    def call(folder: Path, _arguments: object, steps: Steps | None = None) -> str:
        if steps is not None and steps.at is None:
            return "exit 0 at 2"
        (folder / "a").write_text("a")
        if steps is not None:
            if fault == "loses":
                (folder / "kept").unlink()
            if fault == "leaves":
                (folder / ".tmp").write_text("half")
            return "KeyError at x" if fault == "raises" else "process ended with exit 77"
        if fault == "stays" and (folder / "b.lock").exists():
            return "exit 2"
        (folder / "b").write_text("b")
        return "exit 0"

    monkeypatch.setattr(broken_off, "call", call)
    if fault == "stays":
        pair.expected  # noqa: B018 - before the lock is there
        (pair.root / "start" / "b.lock").write_text("")
    found = pair.attack(1, "killed")
    assert (found is None) == (finding is None), found
    assert finding is None or str(found).startswith(finding)
    assert pair.attack(2, "killed") == NOTHING_TO_DO, "a third step does not exist"
    assert set(FAILURES) == {"full", "refused", "killed", "unwritable"}


def names_of(group: click.Group, before: str = "") -> Iterator[str]:
    """The words of each command of a command line."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        words = f"{before} {name}".strip()
        yield from names_of(command, words) if isinstance(command, click.Group) else [words]


def test_every_command_that_writes_is_attacked() -> None:
    every = set(names_of(main))
    attacked = {name for name in every for command in COMMANDS if begins(command.arguments, name)}
    assert every - attacked == {*ONLY_READ, "new method"}


def begins(arguments: Sequence[str], name: str) -> bool:
    return list(arguments[: len(name.split())]) == name.split()


@pytest.mark.acceptance
@pytest.mark.parametrize(
    "name", ["export-again-killed", "import-again-full", "extract-regions-killed", "remove-killed"]
)
def test_commands_go_on_after_each_step_that_fails(name: str) -> None:
    words = [sys.executable, "-m", "gzslbench_benchmarks.torture", "--only", name, "--minutes", "0.3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.acceptance
def test_many_processes_write_records_and_none_is_lost(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(crowds, "WRITERS", 5)
    monkeypatch.setattr(crowds, "EACH", 8)
    assert crowds.write_many(tmp_path, 0) is None


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("name", "line", "status", "message"),
    [
        ("no-extras", "tune --method eszsl --dataset digits", 2, "pip install 'gzslbench[tune]'"),
        ("no-extras", "check eszsl --fast", 0, ""),
        ("no-extras", "check resnet101 --fast", 2, "pip install 'gzslbench[images]'"),
        ("no-locks", "run --method eszsl --dataset digits", 0, "keeps no locks"),
        ("no-locks-io", "run --method eszsl --dataset digits", 0, "keeps no locks"),
        ("no-locks-nosys", "run --method eszsl --dataset digits", 0, "flock not supported"),
        ("small-files", "run --method eszsl --dataset digits", 2, "File too large"),
        ("read-only-all", "run --method eszsl --dataset digits", 2, "make the folder writable"),
        ("read-only-all", "runs list", 0, ""),
        ("clock-back", "run --method eszsl --dataset digits", 0, ""),
        ("little-memory", "run --method eszsl --dataset digits", 2, "memory ran out"),
        ("descriptors", "run --method eszsl --dataset digits", 0, ""),
        ("no-home", "doctor", 0, ""),
        ("closed-output", "methods", 0, ""),
        ("full-output", "runs list", 2, "the output cannot be written"),
    ],
)
def test_odd_environments_end_with_a_message(
    tmp_path: Path, name: str, line: str, status: int, message: str
) -> None:
    done = environments.start(name, line.split(), tmp_path)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("hook", "leave()"),
        ("hook", "shout(None)"),
        ("started", "leave()"),
        ("scores", "None"),
        ("scores", "shout(scores)"),
        ("load", "None"),
        ("name", "'../../x'"),
        ("imported", "exec('raise BaseException')"),
        ("stages", "[None]"),
    ],
)
def test_a_hostile_plugin_is_named_and_changes_no_output(tmp_path: Path, place: str, value: str) -> None:
    assert plugins.attack(tmp_path, place, value, 0) is None


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("features", "shout(features)"),
        ("features", "torch.zeros(3, 3)"),
        ("pixels", "None"),
        ("settings", "{'a': object()}"),
        ("settings", "{'a': float('nan')}"),
        ("weights", "None"),
        ("packages", "'x'"),
        ("network", "None"),
        ("load", "'os:getcwd'"),
    ],
)
def test_a_hostile_extractor_is_named_and_leaves_no_file_that_cannot_be_read(tmp_path, place, value) -> None:
    assert plugins.attack_extractor(tmp_path, place, value, 0) is None
