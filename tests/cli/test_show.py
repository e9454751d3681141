from __future__ import annotations

import json

import pytest


def test_a_run_is_shown_whole(invoke, store, record) -> None:
    done = invoke("show", "ce-gzsl-CUB")
    assert done.exit_code == 0
    for text in (
        record.id,
        record.task["id"],
        "rows of test_seen are in [val_loc]",
        "ab" * 32,
        "0.0001",
        "12345",
        "2.13.0",
        "record.json",
    ):
        assert text in done.output


def test_rules_that_choose_on_test_say_so_and_others_do_not(invoke, store) -> None:
    rows = {line.split()[0]: line for line in invoke("show", "ce-gzsl").output.splitlines() if line.strip()}
    assert rows["last"].split()[1:8] == ["40.00", "60.00", "48.00", "55.50", "30.25", "12", "25"]
    assert "TEST" not in rows["last"]
    assert "TEST" in rows["test-peek"]
    assert "TEST" in rows["test-peek-inner"]
    assert "val" not in rows


def test_the_command_repeats_this_seed_alone(invoke, store) -> None:
    last = invoke("show", "ce-gzsl").output.splitlines()[-1].strip()
    assert last == "gzslbench run --dataset CUB --seed 7 --rerun"


def test_json_is_the_record(invoke, store, record) -> None:
    assert json.loads(invoke("show", record.id, "--json").output) == record.as_dict()


def test_a_run_of_another_folder_is_found(invoke, store, record, monkeypatch, tmp_path_factory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert invoke("show", "ce-gzsl", "--results", str(store.root)).exit_code == 0
    assert invoke("show", str(store.run(record.id).path)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("show", "ce-gzls"), "nearest of 1 runs"), (("show", "a", "--results", "nowhere"), "--results")],
)
def test_an_unknown_run_is_refused(invoke, store, arguments: tuple[str, ...], complaint: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_damaged_record_is_refused_by_file(invoke, store, record) -> None:
    store.run(record.id).record_file.write_text('{"schema": 1}')
    done = invoke("show", record.id)
    assert done.exit_code == 2
    assert "record.json: field 'id'" in done.stderr


def test_a_diverged_run_says_what_happened(invoke, store, record) -> None:
    values = {
        **record.as_dict(),
        "status": "diverged",
        "metrics": {},
        "parameters": None,
        "failure": {"what": "a loss became NaN", "where": "epoch 3, gradient_penalty"},
    }
    store.run(record.id).write_record(type(record)(**values))
    done = invoke("show", record.id)
    assert done.exit_code == 0
    assert "epoch 3, gradient_penalty" in done.output
