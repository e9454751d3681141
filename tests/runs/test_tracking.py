"""What trackers receive, by one that writes it down, and what happens to those that break."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.plugins.registry import plugins
from gzslbench.runs.store import Store
from gzslbench.training.interruption import Interruption
from gzslbench.training.optimization import PhaseOptimizer

PLUGIN = """
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.tracker import TrackerSpec

heard, broken = [], set()

class Diary:
    def hear(self, hook, *told):
        heard.append((hook, self, *told))
        if hook in broken:
            raise OSError("the server is gone")

    def start(self, run):
        self.hear("start", run)

    def epoch(self, epoch):
        self.hear("epoch", epoch)

    def end(self, record, numbers):
        self.hear("end", record, numbers)

    def fail(self, error):
        self.hear("fail", error)

@hookimpl
def gzslbench_trackers():
    return [
        TrackerSpec("diary", "Diary", "diary_of_tests:Diary"),
        TrackerSpec("absent", "Absent", "x:Y", ("no_such_module",), "absent-tracker"),
        TrackerSpec("orphan", "Orphan", "x:Y", ("no_such_package.part",)),
        TrackerSpec("misnamed", "Misnamed", "diary_of_tests:Dairy"),
    ]
"""


@pytest.fixture
def diary(tmp_path: Path, monkeypatch):
    """The module of an installed plugin that offers trackers."""
    (tmp_path / "diary_of_tests.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("GZSLBENCH_TRACK", raising=False)
    entry = EntryPoint("diary-plugin", "diary_of_tests", "gzslbench.trackers")
    monkeypatch.setitem(plugins().entries["trackers"], entry.name, entry)
    plugins().load("trackers")
    yield sys.modules["diary_of_tests"]
    plugins().manager.unregister(name=entry.value)
    del sys.modules["diary_of_tests"]


@pytest.fixture
def run(arguments, results):
    def invoke(*extra, method="f-clswgan"):
        asked = arguments("--results", str(results), *extra, method=method)
        outcome = CliRunner().invoke(main, asked)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    return invoke


def hooks(diary) -> list[str]:
    return [hook for hook, *_ in diary.heard]


def comparable(outcome) -> dict:
    assert outcome.exit_code == 0, outcome.output
    return {**json.loads(outcome.stdout), "run": None}


def test_a_tracker_receives_the_run_in_order(run, diary, results: Path) -> None:
    record = json.loads(run("--json", "--track", "diary").stdout)
    assert hooks(diary) == ["start", *["epoch"] * 6, "end"]
    (_, _, about), *epochs, (_, _, ended, numbers) = diary.heard
    assert (about.id, about.task, about.method) == (record["id"], record["task"]["id"], "f-clswgan")
    assert about.parameters["params.syn_num"] == record["cell"]["params"]["syn_num"] == 20
    assert about.parameters["seed"] == 0 and about.parameters["head"] == "softmax"
    assert {"gzslbench", "python", "torch", "numpy", "device", "command"} <= about.environment.keys()
    assert about.place == results / record["id"] / "tracking" / "diary" and not about.resumed
    told = [epoch for _, _, epoch in epochs]
    assert [each.ordinal for each in told] == list(range(1, 7))
    assert [(each.stage, each.epoch) for each in told] == [
        *(("classifier", epoch) for epoch in (1, 2)),
        *(("game", epoch) for epoch in range(1, 5)),
    ]
    assert ended.as_dict() == record
    assert numbers["result/last/H"] == record["metrics"]["last"]["H"]
    assert numbers["result/test-peek/head_epoch"] == record["metrics"]["test-peek"]["head_epoch"]
    assert numbers["cost/seconds_train"] == record["run"]["seconds_train"]


def test_every_number_of_the_test_set_says_so(run, diary) -> None:
    run("--track", "diary", "--select", "val", "--eval-every", "1")
    run("--track", "diary")
    by_leg: dict[str, set[str]] = {}
    for _, _, epoch in (each for each in diary.heard if each[0] == "epoch"):
        names = {name.partition("/")[0] for name in epoch.numbers}
        by_leg.setdefault(epoch.leg, set()).update(names)
    assert by_leg["validation"] == {"validation-leg", "validation-by-epoch"}
    assert by_leg["final"] == {"loss", "test-once", "test-peek-by-epoch"}


def test_without_a_tracker_nothing_is_reported_and_nothing_written(run, diary, results: Path) -> None:
    run()
    assert diary.heard == []
    assert not list(results.glob("*/tracking")) and not list(results.glob("mlflow*"))


@pytest.mark.acceptance
def test_without_a_tracker_no_package_of_one_is_imported(arguments, tmp_path: Path) -> None:
    program = (
        "import json, sys\nfrom gzslbench.cli import main\nsys.stdout = sys.stderr\n"
        "main(json.loads(sys.argv[1]), standalone_mode=False)\njson.dump(sorted(sys.modules), sys.__stdout__)"
    )
    command = [sys.executable, "-c", program, json.dumps(arguments(method="f-clswgan", epochs=1))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert {"tensorboard", "mlflow", "wandb"}.isdisjoint(json.loads(done.stdout))


def test_the_environment_names_trackers_too_and_one_named_twice_receives_a_run_once(
    run, diary, monkeypatch
) -> None:
    monkeypatch.setenv("GZSLBENCH_TRACK", " diary ,")
    run("--track", "diary")
    assert hooks(diary).count("start") == 1


@pytest.mark.parametrize("asked", ["option", "environment"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tensorbord", ("no tracker 'tensorbord'", "did you mean 'tensorboard'")),
        ("orphan", ("needs no_such_package.part, which is not installed", "leave 'orphan' out")),
        ("absent", ("needs no_such_module, which is not installed", "pip install 'absent-tracker'")),
    ],
)
def test_one_that_cannot_be_had_is_an_error_before_anything_is_trained(
    run, diary, results: Path, monkeypatch, asked: str, name: str, words: tuple[str, ...]
) -> None:
    if asked == "environment":
        monkeypatch.setenv("GZSLBENCH_TRACK", name)
    for extra in ((), ("--dry-run",)):
        outcome = run(*extra, *(("--track", name) if asked == "option" else ()))
        assert outcome.exit_code == 2
        assert all(each in outcome.output for each in words)
        assert ("--track" if asked == "option" else "GZSLBENCH_TRACK") in outcome.output
    assert not results.exists()


def test_a_folder_of_the_packages_name_is_no_package(run, diary, tmp_path: Path) -> None:
    (tmp_path / "no_such_module").mkdir()  # on the path, as `wandb` is where W&B has run
    assert "which is not installed" in run("--track", "absent").output


@pytest.mark.parametrize("broken", ["start", "epoch", "end"])
def test_one_that_breaks_warns_once_and_the_record_is_the_same_to_the_bit(run, diary, broken: str) -> None:
    plain = comparable(run("--json"))
    diary.broken.update((broken, "fail"))
    outcome = run("--json", "--rerun", "--track", "diary")
    assert comparable(outcome) == plain
    assert (
        outcome.stderr.count("warning: tracker 'diary' failed and is left out of run f-clswgan-digits-s0-")
        == 1
    )
    assert "OSError: the server is gone" in outcome.stderr
    assert hooks(diary)[-2:] == [broken, "fail"] and hooks(diary).count(broken) == 1
    diary.broken.clear()
    assert comparable(run("--json", "--rerun", "--track", "diary")) == plain


def test_one_that_breaks_stops_no_run_where_warnings_are_errors(run, diary) -> None:
    plain = comparable(run("--json"))
    diary.broken.add("start")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        outcome = run("--json", "--rerun", "--track", "diary")
    assert comparable(outcome) == plain and hooks(diary) == ["start", "fail"]
    assert "warning: tracker 'diary' failed and is left out" in outcome.stderr


def test_what_one_prints_is_no_output(run, diary, monkeypatch) -> None:
    monkeypatch.setattr(diary.Diary, "start", lambda _self, _run: sys.stdout.write("hello\n"))
    outcome = run("--json", "--track", "diary")
    assert json.loads(outcome.stdout)["id"] and "hello" in outcome.stderr


def test_one_whose_class_is_missing_warns_and_another_receives_everything(run, diary) -> None:
    outcome = run("--track", "misnamed", "--track", "diary")
    assert outcome.exit_code == 0
    assert "tracker 'misnamed' failed and is left out" in outcome.stderr and "Dairy" in outcome.stderr
    assert hooks(diary)[-1] == "end"


def test_runs_after_each_other_have_trackers_of_their_own(run, diary) -> None:
    run("--track", "diary", "--seed", "1", "--seed", "2")
    run("--track", "diary", "--seed", "3")
    seeds = {}
    for hook, tracker, *told in diary.heard:
        if hook == "start":
            seeds[tracker] = told[0].parameters["seed"]
    ended = {seeds[tracker]: told[0].cell.seed for hook, tracker, *told in diary.heard if hook == "end"}
    assert ended == {1: 1, 2: 2, 3: 3}
    for each in seeds:
        own = [hook for hook, tracker, *_ in diary.heard if tracker is each]
        assert own == ["start", *["epoch"] * 6, "end"]
    assert not [name for name, _ in plugins().manager.list_name_plugin() if "racking" in name]


@pytest.mark.acceptance
def test_one_that_breaks_in_a_run_of_several_leaves_the_others_alone(run, diary, monkeypatch) -> None:
    start = diary.Diary.start

    def fragile(tracker, about):
        start(tracker, about)
        if about.parameters["seed"] == 1:
            raise RuntimeError("only of this seed")

    monkeypatch.setattr(diary.Diary, "start", fragile)
    outcome = run("--track", "diary", "--seed", "1", "--seed", "2")
    assert outcome.exit_code == 0
    assert outcome.stderr.count("is left out of run f-clswgan-digits-s1-") == 1
    assert hooks(diary).count("end") == 1


def test_a_finished_run_is_not_reported_again(run, diary) -> None:
    run("--track", "diary")
    diary.heard.clear()
    run("--track", "diary")
    assert diary.heard == []


def test_an_interrupted_run_is_reported_as_such_and_continues_to_count(run, diary, monkeypatch) -> None:
    left = iter(range(2 * 12 + 2 * 3 + 1))
    with monkeypatch.context() as patch:
        patch.setattr(Interruption, "__call__", lambda _: next(left, None) is None)
        assert run("--track", "diary").exit_code == 130
    (*_, last), (hook, _, error) = diary.heard[:-1], diary.heard[-1]
    assert hook == "fail" and type(error).__name__ == "InterruptedRunError"
    before = last[2].ordinal
    diary.heard.clear()
    assert run("--track", "diary", "--resume").exit_code == 0
    assert diary.heard[0][2].resumed
    assert [told[2].ordinal for told in diary.heard[1:-1]] == list(range(before + 1, 7))


def test_a_run_that_diverges_ends_with_its_record(run, diary) -> None:
    assert run("--track", "diary", "--set", "lr=1e30").exit_code == 1
    assert hooks(diary)[-1] == "end"
    (_, _, record, numbers) = diary.heard[-1]
    assert record.status == "diverged"
    assert not [name for name in numbers if name.startswith("result/")]


def test_a_rerun_that_fails_at_once_leaves_what_trackers_kept_as_it_was(
    run, diary, results: Path, monkeypatch
) -> None:
    def keep(tracker, about):
        about.place.mkdir(parents=True)
        (about.place / "note").write_text(about.environment["command"])

    monkeypatch.setattr(diary.Diary, "start", keep)
    monkeypatch.setattr(sys, "argv", ["the first"])
    run("--track", "diary")
    monkeypatch.setattr(sys, "argv", ["the second"])
    (note,) = results.glob("*/tracking/diary/note")
    with monkeypatch.context() as patch:
        patch.setattr(PhaseOptimizer, "step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run("--track", "diary", "--rerun")
    assert note.read_text() == "'the first'"
    assert len(Store(results).runs()) == 1
    assert run("--track", "diary", "--rerun").exit_code == 0
    assert note.read_text() == "'the second'" and not (note.parents[2] / "previous").exists()


@pytest.mark.acceptance
def test_the_environment_is_for_runs_and_not_for_the_checks_of_a_method(diary, monkeypatch) -> None:
    monkeypatch.setenv("GZSLBENCH_TRACK", "diary")
    CliRunner().invoke(main, ["check", "eszsl", "--fast"])
    assert diary.heard == []
