"""A capture that needs no GPU, what refuses to make the host wait for one, and a run that holds together."""

from __future__ import annotations

import json
import multiprocessing.process
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from hypothesis import settings
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from gzslbench.computing.graph import CaptureError
from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import Record, RunInfo, RunMetrics
from gzslbench.runs.store import RunFolder, Store
from gzslbench.testing.methods.training import SyncDetector

settings.register_profile("gzslbench", deadline=None)  # a busy machine is not a failure
settings.load_profile("gzslbench")


class Taping(SyncDetector):
    """Writes down every operator with the very tensors that it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[tuple[Any, Any, Any, Any]] = []
        self.made: set[int] = set()
        self.before: dict[int, tuple[Any, Any]] = {}

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func.namespace != "aten":
            return func(*args, **kwargs)
        for tensor in written(func, args, kwargs):
            if place(tensor) not in self.made:
                storage = tensor.untyped_storage()
                self.before.setdefault(place(tensor), (storage, storage.clone()))
        result = func(*args, **kwargs)
        read = {place(tensor) for tensor in tensors((args, kwargs))}
        fresh = {place(tensor) for tensor in tensors(result)} - read
        self.made |= fresh
        if fresh or func._schema.is_mutable:  # else it is a view
            self.operators.append((func, *tree_map(detached, (args, kwargs, result))))
        return result

    def undo(self) -> None:
        for storage, value in self.before.values():
            storage.copy_(value)

    def replay(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, result in self.operators:
                for old, new in zip(tensors(result), tensors(func(*args, **kwargs)), strict=True):
                    if place(old) != place(new):
                        old.copy_(new)


class Recording:
    """What a CUDA graph does, on a CPU: a replay repeats operators on the same memory, and runs no Python.

    Capturing leaves everything as it was, the generators too.
    """

    fails = False

    def __init__(self, generators: Sequence[torch.Generator] = ()) -> None:
        self.generators = (torch.default_generator, *generators)
        self.warmed = self.captured = self.replayed = 0

    def warm_up(self, call: Callable[[], None]) -> str | None:
        self.warmed += 1
        with SyncDetector() as watching:
            call()
        return watching.waits[0] if watching.waits else None

    def capture(self, call: Callable[[], None]) -> Callable[[], None]:
        self.captured += 1
        states = [generator.get_state() for generator in self.generators]
        with Taping() as tape:
            call()
        tape.undo()
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)
        if tape.waits or self.fails:
            raise CaptureError("operation not permitted when stream is capturing")

        def replay() -> None:
            self.replayed += 1
            tape.replay()

        return replay


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def detached(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def written(func: Any, args: Any, kwargs: Any) -> Iterator[Tensor]:
    """The arguments that the operator changes."""
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tensors(value)


@pytest.fixture
def recording() -> type[Recording]:
    """Captures on a CPU."""
    return Recording


@pytest.fixture
def watching() -> type[SyncDetector]:
    """Notes what would make the host wait for the device."""
    return SyncDetector


NAMES = ["cat", "dog", "fox", "owl", "bee"]


@pytest.fixture
def table() -> Predictions:
    """Worked by hand: seen cat, dog and fox (without rows), unseen owl and bee.

    | true | best seen | best unseen | gap  | predicted |
    | cat  | cat       | owl         | 2.75 | cat       |
    | cat  | cat       | owl         | 0.75 | cat       |
    | cat  | fox       | bee         | 1.75 | fox       |
    | dog  | dog       | owl         | -.25 | owl       |
    | owl  | cat       | owl         | 1.75 | cat       |
    | owl  | dog       | owl         | -1.25| owl       |
    | bee  | dog       | bee         | 0.25 | dog       |

    S = (2/3 + 0) / 2; U = (1/2 + 0) / 2; T1 = 1. Best on the curve: gamma 0.75 gives U = (1/2 + 1) / 2,
    S = 1/3. The area is 1/4 * 5/6 + 1/2 * 1/3 + 1/4 * 1/6 = 5/12.
    """
    return Predictions(
        labels=np.array([0, 0, 0, 1, 3, 3, 4]),
        best_seen=np.array([0, 0, 2, 1, 0, 1, 1]),
        best_unseen=np.array([3, 3, 4, 3, 3, 3, 4]),
        gap=np.array([2.75, 0.75, 1.75, -0.25, 1.75, -1.25, 0.25], np.float32),
        zsl=np.array([3, 3, 4]),
        seen=np.array([True, True, True, False, False]),
    )


@pytest.fixture
def record() -> Record:
    """The record that the table above bears out."""
    S, U = 100 / 3, 25.0
    metrics = {"U": U, "S": S, "H": 2 * U * S / (U + S), "T1": 100.0, "AUSUC": 500 / 12}
    task = "CUB/res101/sent/ps-1234-5678"
    cell = Cell("ce-gzsl", 1, "CUB", task, "minmax", {}, 7)
    return Record(
        id=cell.id,
        status="complete",
        cell=cell,
        task=TaskInfo(task, "CUB", "res101", "sent", class_names=NAMES),
        setting="inductive",
        selection="last",
        metrics={"last": RunMetrics(**metrics, epoch=12, head_epoch=25)},
        parameters=12345,
        run=RunInfo(),
    )


@pytest.fixture
def folder(tmp_path: Path, record: Record, table: Predictions) -> RunFolder:
    """The run's folder, with record and predictions."""
    folder = Store(tmp_path / "results").run(record.id)
    with folder.lock():
        folder.write_record(record)
    save_predictions(folder.predictions_file, table)
    return folder


@pytest.fixture
def stored() -> Callable[[Path], dict[str, Any]]:
    """By run in a results folder, all of its record that no clock decides, and its predictions."""

    def read(root: Path) -> dict[str, Any]:
        found = {}
        for folder in Store(root).runs():
            record = json.loads(folder.record_file.read_text())
            record.pop("run"), record.pop("sha256", None)
            with np.load(folder.predictions_file) as predictions:
                arrays = {name: predictions[name].tobytes() for name in predictions.files}
            found[folder.id] = (record, arrays)
        return found

    return read


@pytest.fixture(scope="session")
def real_data() -> Path:
    root = os.environ.get("GZSLBENCH_DATA")
    if not root or not Path(root, "FLO", "att_splits.mat").is_file():
        pytest.skip("GZSLBENCH_DATA names no folder with the published split files")
    return Path(root)


def _accuracy(predicted, labels, classes):
    """The mean over the classes with rows of the accuracy within each, in percent."""
    return 100 * np.mean([np.mean(predicted[labels == c] == c) for c in classes if (labels == c).any()])


def _plain_metrics(scores, labels, seen):
    """The five metrics by the formulas of the papers; the curve by one prediction per gap that matters."""
    classes = {side: np.flatnonzero(seen == side) for side in (True, False)}
    best = {side: of[scores[:, of].argmax(1)] for side, of in classes.items()}
    gap = scores[:, seen].max(1) - scores[:, ~seen].max(1)

    def seen_and_unseen(gamma):
        predicted = np.where(gap > gamma, best[True], best[False])
        return [_accuracy(predicted, labels, classes[side]) for side in (True, False)]

    predicted = scores.argmax(1)
    S, U = (_accuracy(predicted, labels, classes[side]) for side in (True, False))
    of_unseen = ~seen[labels]
    T1 = _accuracy(best[False][of_unseen], labels[of_unseen], classes[False])
    gaps = np.unique(gap[(best[True] == labels) | (best[False] == labels)])
    gaps = gaps if len(gaps) else gap[:1]
    between = (gaps[1:] + gaps[:-1]) / 2
    points = [seen_and_unseen(gamma) for gamma in (gaps[0] - 1, *between, gaps[-1] + 1)]
    area = sum((u1 - u0) * (s1 + s0) / 200 for (s0, u0), (s1, u1) in pairwise(points))
    return {"U": U, "S": S, "H": 2 * U * S / (U + S) if U + S else 0.0, "T1": T1, "AUSUC": area}


@pytest.fixture(scope="session")
def plain_metrics() -> Callable[[Any, Any, Any], dict[str, float]]:
    """The metrics of scores ``(n, C)``, labels and seen classes, in plain numpy and nothing of ours."""
    return _plain_metrics


FORKED = """
import os, sys, torch
from gzslbench.plugins.registry import plugins

for number, name in ((1, outputs[0]), (2, outputs[1])):
    os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
os.chdir(folder)
for name in [name for name in os.environ if name.startswith("GZSLBENCH_")]:
    del os.environ[name]
os.environ.update(environment)
sys.path[:0] = path
torch.set_num_threads(1)
plugins.cache_clear()
"""


@pytest.fixture(scope="session")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in a fork of a process that has imported torch, which a new one does for seconds.

    The program runs in ``folder`` with one thread, and finds packages in the folders ``path`` first. The
    other keywords are its variables; by default it calls the command line with ``arguments``.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gzslbench.sweeps.preload"])

    def run(folder, *arguments, program=None, path=(), environment=None, **names):
        place = tmp_path_factory.mktemp("outputs")
        outputs = [str(place / "out"), str(place / "err")]
        program = program or "from gzslbench.cli import main\nmain(arguments)\n"
        names |= {"arguments": list(arguments), "folder": str(folder), "outputs": outputs}
        names |= {"path": list(map(str, path)), "environment": environment or {}}
        process = context.Process(target=exec, args=(FORKED + program, names))
        process.start()
        process.join()
        out, err = (Path(file).read_text() for file in outputs)
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)

    return run


@pytest.fixture
def gzslbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Invoke the command line in an empty folder; an exception that it does not handle is raised."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        from gzslbench.cli import main

        outcome = CliRunner().invoke(main, arguments)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return invoke


@pytest.fixture(autouse=True)
def _no_processes_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process and is not marked: unit tests must stay quick and independent."""
    if {"acceptance", "ray", "gpu"} & {mark.name for mark in request.node.iter_markers()}:
        return

    def refuse(*arguments: object, **named: object) -> None:
        pytest.fail("this test starts a process: mark it with pytest.mark.acceptance")

    platform.processor()  # the first call starts a process; records need it, and Python keeps the answer
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
