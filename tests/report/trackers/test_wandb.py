from __future__ import annotations

import importlib
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("wandb", reason="pip install 'gzslbench[wandb]'")

wandb_internal_pb2 = importlib.import_module("wandb.proto.wandb_internal_pb2")

TRACK = ("--track", "wandb", "--json")
pytestmark = pytest.mark.acceptance  # W&B starts a process
BLOCK = 32768


def entries(file: Path) -> Iterator[Any]:
    """What an offline run wrote: a LevelDB log of protocol buffers behind seven bytes."""
    data, at, part = file.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield wandb_internal_pb2.Record.FromString(part)
            part = b""


def finished(file: Path) -> list[Any]:
    """All entries; W&B's own process writes the last of them a moment after the run has ended."""
    for _ in range(200):
        found = list(entries(file))
        if found and found[-1].WhichOneof("record_type") == "exit":
            return found
        time.sleep(0.05)
    raise AssertionError(f"{file} ends without an exit status")


class Written:
    """One process's part of a run, read back."""

    def __init__(self, file: Path) -> None:
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.steps: list[int] = []
        self.files: set[str] = set()
        self.axes: dict[str, str] = {}
        self.exit: int | None = None
        for entry in finished(file):
            self._take(entry)

    def _take(self, entry: Any) -> None:
        kind = entry.WhichOneof("record_type")
        if kind == "run":
            self.id, self.project, self.group = entry.run.run_id, entry.run.project, entry.run.run_group
            self.config |= {item.key: json.loads(item.value_json) for item in entry.run.config.update}
        elif kind == "metric":
            self.axes[entry.metric.name] = entry.metric.step_metric
        elif kind == "history":
            items = {_name(item): json.loads(item.value_json) for item in entry.history.item}
            self.steps.append(items.pop("_step"))
            (axis,) = [name for name in items if name.startswith("epoch/")]
            for name, value in items.items():
                if name != axis and not name.startswith("_"):
                    assert self.axes[name] == axis
                    self.points.setdefault(name, []).append((items[axis], value))
        elif kind == "summary":
            self.summary |= {_name(item): json.loads(item.value_json) for item in entry.summary.update}
        elif kind == "artifact":
            self.files = {item.path for item in entry.artifact.manifest.contents}
            assert all(Path(item.local_path).exists() for item in entry.artifact.manifest.contents)
        elif kind == "exit":
            self.exit = entry.exit.exit_code


def _name(item: Any) -> str:
    return item.key or "/".join(item.nested_key)


@pytest.fixture
def written(only) -> Callable[[], list[Written]]:
    """Every part of the run, in the order in which they were made."""

    def written() -> list[Written]:
        files = sorted((only().tracking / "wandb").glob("offline-run-*/*.wandb"))
        return [Written(file) for file in files]

    return written


def test_an_offline_run_contains_every_epoch_and_the_record(run, expected, written, tmp_path: Path) -> None:
    record = json.loads(run(*TRACK).stdout)
    (one,) = written()
    assert one.points == expected()
    assert one.steps == list(range(1, 10))
    assert (one.id, one.project, one.group) == (record["id"], "gzslbench", record["task"]["id"])
    for rule, numbers in record["metrics"].items():
        for name, value in numbers.items():
            assert one.summary[f"result/{rule}/{name}"] == value
    assert (one.summary["status"], one.exit) == ("complete", 0)
    assert one.config["params.syn_num"] == 20 and one.config["seed"] == 0
    assert one.config["environment"]["torch"] == record["run"]["torch"]
    assert one.files == {"record.json", "metrics.jsonl", "log.txt"}
    assert not list((tmp_path / "wandb-data").rglob("*.json"))
    assert not Path("wandb").exists()


def test_a_resumed_run_has_the_same_id_and_continues_counting(
    run, expected, written, interrupt, revive
) -> None:
    interrupt(50)
    assert run(*TRACK).exit_code == 130
    (stopped,) = written()
    assert (stopped.summary["status"], stopped.exit) == ("interrupted", 130)
    revive()
    assert run(*TRACK, "--resume").exit_code == 0
    first, second = written()
    assert first.id == second.id
    assert first.steps + second.steps == list(range(1, 10))
    names = first.points.keys() | second.points.keys()
    assert {name: first.points.get(name, []) + second.points.get(name, []) for name in names} == expected()
    assert second.exit == 0


def test_a_run_that_diverges_is_marked_and_a_rerun_replaces_it(run, written) -> None:
    for extra in ((), ("--rerun",)):
        assert run(*TRACK, "--set", "lr=1e30", *extra).exit_code == 1
    (one,) = written()
    assert (one.summary["status"], one.exit) == ("diverged", 1)


def test_every_seed_is_a_run_of_its_own(run, results: Path) -> None:
    assert run("--track", "wandb", "--seed", "1", "--seed", "2").exit_code == 0
    files = sorted(results.glob("*/tracking/wandb/offline-run-*/*.wandb"))
    both = [Written(file) for file in files]
    assert [one.config["seed"] for one in both] == [1, 2]
    assert all(one.steps == list(range(1, 10)) for one in both)
    assert both[0].points != both[1].points


def test_without_a_login_it_writes_files_without_a_prompt(run, written, monkeypatch, tmp_path: Path) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    assert run(*TRACK).exit_code == 0
    assert [one.exit for one in written()] == [0]


def test_folder_and_project_are_those_of_the_environment(run, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    assert run(*TRACK).exit_code == 0
    (file,) = (tmp_path / "elsewhere" / "wandb").glob("offline-run-*/*.wandb")
    assert Written(file).project == "mine"
