from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorboard", reason="pip install 'gzslbench[tensorboard]'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_ndarray

TRACK = ("--track", "tensorboard", "--json")
pytestmark = pytest.mark.acceptance  # every test trains


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every scalar in ``folder``, without what was purged."""
    read = events(folder)
    return {tag: [(item.step, item.value) for item in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def text(folder: Path, tag: str) -> str:
    read = events(folder)
    (last,) = make_ndarray(read.Tensors(f"{tag}/text_summary")[-1].tensor_proto)
    return last.decode()


@pytest.fixture
def written(only) -> Callable[[], dict[str, list[tuple[int, float]]]]:
    """All that was expected of epochs."""

    def written() -> dict[str, list[tuple[int, float]]]:
        final = only().tracking / "tensorboard" / "final"
        return {**scalars(final / "classifier"), **scalars(final / "game")}

    return written


def as_float32(points: dict[str, list[tuple[int, float]]]) -> dict[str, list[tuple[int, float]]]:
    """TensorBoard keeps numbers so."""
    return {name: [(step, float(np.float32(value))) for step, value in item] for name, item in points.items()}


def test_its_event_files_contain_every_epoch_and_the_record(run, only, expected, written) -> None:
    record = json.loads(run(*TRACK).stdout)
    assert written() == as_float32(expected())
    place = only().tracking / "tensorboard"
    final = scalars(place)
    for rule, numbers in record["metrics"].items():
        for name, value in numbers.items():
            assert final[f"result/{rule}/{name}"] == [(0, float(np.float32(value)))]
    assert text(place, "status") == "complete"
    assert "| params.syn_num | 20 |" in text(place, "parameters")
    assert f"| task | {record['task']['id']} |" in text(place, "parameters")
    assert f"| torch | {record['run']['torch']} |" in text(place, "environment")


def test_a_run_resumed_after_a_crash_has_each_epoch_once(run, expected, written, kill, revive, only) -> None:
    kill(150)
    with pytest.raises(RuntimeError, match="machine is gone"):
        run(*TRACK, "--checkpoint-every", "2")
    place = only().tracking / "tensorboard"
    assert text(place, "status") == "failed: RuntimeError: the machine is gone"
    before = written()
    assert before and before["loss/game/critic/critic"][-1][0] % 2 == 1  # expected since the last checkpoint
    revive()
    assert run(*TRACK, "--resume").exit_code == 0
    assert written() == as_float32(expected())
    assert [step for step, _ in written()["loss/game/critic/critic"]] == [1, 2, 3, 4, 5, 6]
    assert text(place, "status") == "complete"
    assert len(list((place / "final" / "game").iterdir())) == 2


def test_a_stopped_run_is_marked_and_continues_in_the_same_folder(
    run, expected, written, interrupt, revive, only
) -> None:
    interrupt(50)
    assert run(*TRACK).exit_code == 130
    assert text(only().tracking / "tensorboard", "status").startswith(
        "interrupted: InterruptedRunError: run f-"
    )
    assert 0 < len(written()["loss/game/critic/critic"]) < 6
    revive()
    assert run(*TRACK, "--resume").exit_code == 0
    assert written() == as_float32(expected())


def test_a_run_that_diverges_is_marked(run, only) -> None:
    assert run(*TRACK, "--set", "lr=1e30").exit_code == 1
    assert text(only().tracking / "tensorboard", "status") == "diverged"


def test_a_rerun_replaces_the_earlier_events(run, expected, written, only) -> None:
    run(*TRACK)
    assert run(*TRACK, "--rerun").exit_code == 0
    assert written() == as_float32(expected())
    assert len(list((only().tracking / "tensorboard" / "final" / "game").iterdir())) == 1


def test_every_seed_has_a_folder_of_its_own(run, results: Path) -> None:
    assert run("--track", "tensorboard", "--seed", "1", "--seed", "2").exit_code == 0
    found = [scalars(place) for place in sorted(results.glob("*/tracking/tensorboard/final/game"))]
    assert len(found) == 2
    assert all([step for step, _ in item["loss/game/critic/critic"]] == [1, 2, 3, 4, 5, 6] for item in found)
    assert found[0] != found[1]


def test_a_run_chosen_on_validation_classes_logs_the_test_once_under_another_name(run, only) -> None:
    record = json.loads(run(*TRACK, "--select", "val").stdout)
    place = only().tracking / "tensorboard"
    final, validation = scalars(place / "final" / "game"), scalars(place / "validation" / "game")
    assert [step for step, _ in final["test-once/H"]] == [record["metrics"]["val"]["epoch"]]
    assert [step for step, _ in validation["validation-by-epoch/H"]] == [2, 4, 6]
    assert not [name for name in (*final, *validation) if "peek" in name]
    assert scalars(place)["chosen-on-validation/epoch"] == [(0, record["validation"]["epoch"])]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's thread
def test_a_full_disk_is_a_warning(run, monkeypatch, only) -> None:
    write, left = RecordWriter.write, iter(range(12))

    def short(writer: RecordWriter, data: bytes) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(writer, data)

    plain = json.loads(run("--json").stdout)
    monkeypatch.setattr(RecordWriter, "write", short)
    outcome = run(*TRACK, "--rerun")
    assert outcome.exit_code == 0
    assert outcome.stderr.count("warning: tracker 'tensorboard' failed and is left out of run") == 1
    assert "No space left on device" in outcome.stderr
    tracked = json.loads(outcome.stdout)
    assert {**tracked, "run": None} == {**plain, "run": None}
