from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

from gzslbench_benchmarks import commit
from gzslbench_benchmarks.speed import contest
from gzslbench_benchmarks.speed.__main__ import speed
from gzslbench_benchmarks.speed.cases import CASES
from gzslbench_benchmarks.speed.contest import Contestant, Setting

pytestmark = pytest.mark.usefixtures("threads")


class Made:
    """A case of two settings, one of whose calls may go wrong."""

    title = "made for a test"
    seconds = 1  # of a call, so that a round takes one

    def __init__(self, clock: list[float], stop_at: int, error: BaseException) -> None:
        self.clock, self.calls, self.stop_at, self.error = clock, 0, stop_at, error

    def settings(self, conditions):
        for name in ("first", "second"):
            yield Setting(name, [Contestant("ours", lambda: self.program)])

    def program(self):
        self.calls += 1
        self.clock[0] += self.seconds
        if self.calls == self.stop_at:
            raise self.error


@pytest.fixture
def made(monkeypatch):
    def make(stop_at=0, error=KeyboardInterrupt):
        clock = [0.0]
        monkeypatch.setattr(contest.time, "perf_counter", lambda: clock[0])
        monkeypatch.setitem(CASES, "made", Made(clock, stop_at, error))

    return make


def call(*arguments):
    return CliRunner().invoke(speed, ["--device", "cpu", *map(str, arguments)])


@pytest.mark.acceptance
def test_help_and_list_name_every_case():
    assert "Ctrl-C" in call("--help").output
    listed = call("--list").output
    assert [line.split()[0] for line in listed.splitlines()] == list(CASES)


@pytest.mark.acceptance
def test_an_unknown_case_is_answered_with_the_nearest():
    done = call("iteratoin")
    assert done.exit_code == 2
    assert "did you mean 'iteration'?" in done.output and "Traceback" not in done.output


@pytest.mark.acceptance
def test_ctrl_c_leaves_what_was_measured_so_far(made, tmp_path):
    made(stop_at=8)  # the first setting takes three rounds of two calls
    out = tmp_path / "speed.json"
    done = call("made", "--rounds", 3, "--out", out)
    assert done.exit_code == 130
    (measured,) = json.loads(out.read_text())
    assert not measured["complete"]
    assert [(row["setting"], len(row["seconds"])) for row in measured["rows"]] == [("first", 3)]
    assert "not finished" in done.output and "stopped" in done.output


@pytest.mark.acceptance
def test_an_error_on_the_way_leaves_what_was_measured_so_far(made, tmp_path):
    made(stop_at=8, error=ZeroDivisionError)
    out = tmp_path / "speed.json"
    done = call("made", "--rounds", 3, "--out", out)
    assert isinstance(done.exception, ZeroDivisionError)
    (measured,) = json.loads(out.read_text())
    assert not measured["complete"] and len(measured["rows"][0]["seconds"]) == 3


@pytest.mark.acceptance
def test_only_the_chosen_settings_are_measured(made, tmp_path):
    made()
    out = tmp_path / "speed.json"
    assert call("made", "--only", "SEC", "--rounds", 1, "--out", out).exit_code == 0
    (measured,) = json.loads(out.read_text())
    assert [row["setting"] for row in measured["rows"]] == ["second"]
    done = call("made", "--only", "third")
    assert done.exit_code == 2 and "first; second" in done.output


@pytest.mark.acceptance
def test_a_case_named_twice_is_measured_once(made, tmp_path):
    made()
    out = tmp_path / "speed.json"
    assert call("made", "made", "--rounds", 1, "--out", out).exit_code == 0
    assert len(json.loads(out.read_text())) == 1


@pytest.mark.acceptance
def test_a_measured_file_names_the_commit_there_was_before_it_was_written(made, monkeypatch, tmp_path):
    made()
    out = tmp_path / "speed.json"
    monkeypatch.setattr(commit, "commit_of", lambda _: "abc+" if out.exists() else "abc")
    monkeypatch.setitem(CASES, "another", CASES["made"])
    assert call("made", "another", "--rounds", 1, "--out", out).exit_code == 0
    assert [measured["commit"] for measured in json.loads(out.read_text())] == ["abc", "abc"]


@pytest.mark.acceptance
def test_a_case_with_nothing_for_this_device_says_so():
    done = call("training")
    assert done.exit_code == 2 and "nothing to measure on cpu: training" in done.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("methods", "--threads", 2), "--threads 1"),
        (("methods",), "--threads 1"),
        (("store", "--threads", 1), "starts processes"),
    ],
)
def test_the_cpu_clock_is_for_one_thread_and_cases_that_compute(arguments, reason):
    done = call(*arguments, "--clock", "cpu", "--quick")
    assert done.exit_code == 2 and reason in done.output


@pytest.mark.acceptance
def test_only_json_is_written(made):
    made()
    assert call("made", "--out", "notes.txt").exit_code == 2


@pytest.mark.acceptance
def test_a_folder_that_cannot_be_created_is_reported_before_anything_is_measured(made, tmp_path):
    made()
    (tmp_path / "file").touch()
    done = call("made", "--out", tmp_path / "file" / "speed.json")
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert CASES["made"].calls == 0


@pytest.mark.acceptance
def test_a_precision_that_the_device_does_not_have_is_refused():
    done = call("startup", "--precision", "tf32")
    assert done.exit_code == 2 and "only CUDA devices" in done.output


@pytest.mark.acceptance
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    done = CliRunner().invoke(speed, ["startup", "--device", "cuda"])
    assert done.exit_code == 2 and "--device cpu" in done.output
