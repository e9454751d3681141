"""A run that is killed and resumed has the record of one that never was."""

import json
import random
import signal
import time

import pytest

pytestmark = pytest.mark.acceptance

EPOCHS = 30


def comparable(text):
    record = json.loads(text)
    record.pop("run")
    return record


def lines(results):
    return sum(len(file.read_bytes().splitlines()) for file in results.glob("*/metrics.jsonl"))


def wait_for(process, folder, pattern):
    deadline = time.monotonic() + 60
    while process.poll() is None and not list(folder.glob(pattern)):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def wait_for_lines(process, results, count):
    deadline = time.monotonic() + 60
    while lines(results) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("method", "extra"), [("ce-gzsl", ()), ("f-clswgan", ()), ("ce-gzsl", ("--select", "val"))]
)
def test_killed_at_random_moments_and_resumed_the_record_is_the_same_to_the_bit(
    arguments, start, finish, tmp_path, method, extra
):
    asked = arguments("--json", "--checkpoint-every", "3", *extra, method=method, epochs=EPOCHS)
    status, whole, _ = finish([*asked, "--results", str(tmp_path / "whole")])
    assert status == 0

    broken = tmp_path / "broken"
    moments = random.Random(0)
    kills = 0
    for _ in range(3):
        process = start([*asked, "--results", str(broken), "--resume"])
        wait_for_lines(process, broken, lines(broken) + moments.randrange(1, 10))
        time.sleep(moments.random() * 0.05)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 2

    status, resumed, err = finish([*asked, "--results", str(broken), "--resume"])
    assert status == 0, err
    assert comparable(resumed) == comparable(whole)
    (one,), (other,) = (list(root.glob("*/metrics.jsonl")) for root in (tmp_path / "whole", broken))
    assert one.read_text() == other.read_text()
    assert one.with_name("predictions.npz").read_bytes() == other.with_name("predictions.npz").read_bytes()


def test_ctrl_c_saves_within_the_epoch_and_says_how_to_go_on(arguments, start, finish, results, tmp_path):
    asked = arguments("--json", "--checkpoint-every", "0", epochs=EPOCHS)
    status, whole, _ = finish([*asked, "--results", str(tmp_path / "whole")])
    assert status == 0
    process = start([*asked, "--results", str(results)])
    wait_for_lines(process, results, 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err and "checkpoint-final.pt" in err

    status, _, err = finish([*asked, "--results", str(results)])
    assert status == 2 and "--resume" in err and "--rerun" in err

    status, resumed, _ = finish([*asked, "--results", str(results), "--resume"])
    assert status == 0
    assert comparable(resumed) == comparable(whole)


def test_a_damaged_checkpoint_is_refused_and_left_alone(arguments, start, finish, results):
    asked = arguments("--checkpoint-every", "1", "--results", str(results), epochs=EPOCHS)
    process = start(asked)
    wait_for_lines(process, results, 3)
    process.kill()
    process.communicate()
    (checkpoint,) = results.glob("*/checkpoint-final.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    status, _, err = finish([*asked, "--resume"])
    assert status == 2 and "damaged" in err and checkpoint.name in err
    assert checkpoint.exists()
    status, _, err = finish([*asked, "--rerun"])
    assert status == 0, err


def test_a_rerun_keeps_the_finished_run_until_it_is_finished_itself(arguments, start, finish, results):
    asked = arguments("--json", "--results", str(results), epochs=EPOCHS)
    status, whole, _ = finish(asked)
    assert status == 0
    (record,) = results.glob("*/record.json")
    (record.parent / "mine.txt").write_text("notes")
    before = record.read_bytes()
    process = start([*asked, "--rerun"])
    wait_for(process, record.parent, "previous/record.json")
    wait_for_lines(process, results, 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "without --rerun" in err
    assert (record.parent / "previous" / "record.json").read_bytes() == before
    assert finish([*asked, "--resume", "--rerun"])[0] == 2
    status, resumed, _ = finish([*asked, "--resume"])
    assert status == 0 and comparable(resumed) == comparable(whole)
    assert not (record.parent / "previous").exists()
    assert (record.parent / "mine.txt").read_text() == "notes"


def test_a_resumed_run_holds_to_the_epochs_it_chose(arguments, start, finish, results):
    asked = arguments("--json", "--checkpoint-every", "1", "--select", "val", epochs=EPOCHS)
    process = start([*asked, "--results", str(results)])
    wait_for(process, results, "*/checkpoint-final.pt")
    process.kill()
    process.communicate()
    (choice,) = results.glob("*/validation.json")
    chosen = json.loads(choice.read_text())
    status, resumed, err = finish([*asked, "--results", str(results), "--resume"])
    assert status == 0, err
    assert json.loads(resumed)["metrics"]["val"]["epoch"] == chosen["epoch"]

    choice.write_text(json.dumps({**chosen, "epoch": chosen["epoch"] + 1}))
    choice.with_name("record.json").unlink()
    status, _, err = finish([*asked, "--results", str(results), "--resume"])
    assert status == 2 and "belongs to run" in err
