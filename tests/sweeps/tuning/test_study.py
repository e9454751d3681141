"""A study has as many trials as requested, the same ones every time, whichever process runs them."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext

import pytest

from gzslbench.errors import DeviceError, ParamError, StoreError
from gzslbench.files import lock
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.runs.progress import Progress
from gzslbench.sweeps.tuning import objective
from gzslbench.sweeps.tuning import study as study_module
from gzslbench.sweeps.tuning.best_trial import find_best_trial
from gzslbench.sweeps.tuning.objective import PrunedTrial, TrialScore
from gzslbench.sweeps.tuning.tune import open_tuning


def stop_in(number):
    """Watch, and press Ctrl-C in the second epoch of trial ``number``."""

    class Stopping(Progress):
        def epoch(self, line):
            if line["leg"] == f"trial {number}" and line["epoch"] == 2:
                raise KeyboardInterrupt

    return lambda cell: nullcontext(Stopping())


def test_the_first_trial_is_the_preset_and_the_same_seed_gives_the_same_study(
    make_request, tuned, facts, tmp_path
) -> None:
    one = tuned(make_request())
    known = preset(plugins().method("cnzsl"), "digits", "strokes").values
    whole = build(plugins().method("cnzsl").params, known, "test").as_dict()
    assert one.result.trials[0].values == {name: whole[name] for name in ("lr", "scale", "seen_factor")}
    assert one.result.trials[0].value == one.result.preset.value
    assert [trial.number for trial in one.result.trials] == [0, 1, 2]
    assert facts(tuned(make_request(study=tmp_path / "again.journal"))) == facts(one)
    other = tuned(make_request(trials=2, study=tmp_path / "other.journal", seed=1))
    assert other.result.trials[1].values != one.result.trials[1].values


def test_a_repeated_study_continues_to_the_requested_number(make_request, tuned, facts, tmp_path) -> None:
    whole = facts(tuned(make_request(study=tmp_path / "whole.journal", epochs=1)))
    for trials, expected in ((1, whole[:1]), (3, whole), (2, whole)):
        assert facts(tuned(make_request(trials=trials, epochs=1))) == expected


def test_a_study_stopped_within_a_trial_continues_as_if_it_had_not_been(
    make_request, tuned, facts, tmp_path
) -> None:
    whole = facts(tuned(make_request(trials=2, epochs=3, study=tmp_path / "whole.journal")))
    for number, counts in ((0, {"waiting": 1}), (1, {"finished": 1, "waiting": 1})):
        with pytest.raises(KeyboardInterrupt):
            tuned(make_request(trials=2, epochs=3), stop_in(number))
        assert open_tuning(make_request(trials=2, epochs=3)).result.counts == counts
    assert facts(tuned(make_request(trials=2, epochs=3))) == whole


@pytest.mark.parametrize("torn", [b'{"op_code":4,"worker_id":"x"', b"\x00\x00"])
def test_a_line_that_a_kill_cut_short_costs_that_line_alone(make_request, tuned, facts, torn) -> None:
    before = facts(tuned(make_request(trials=1, epochs=1)))
    path = make_request().study
    with path.open("ab") as file:
        file.write(torn)
    assert facts(tuned(make_request(trials=1, epochs=1))) == before
    after = facts(tuned(make_request(trials=2, epochs=1)))
    assert after[:1] == before and len(after) == 2
    assert all(json.loads(line)["op_code"] >= 0 for line in path.read_bytes().splitlines())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.journal", b"a page of notes\n" * 300),
        ("study.db", b"notes\n" * 300),
        ("notes.log", b"buy milk"),
    ],
)
def test_a_file_that_is_not_a_study_is_refused_and_left_alone(make_request, tmp_path, name, content) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StoreError, match="the file is not of a study") as caught:
        open_tuning(make_request(study=path))
    assert str(path) == caught.value.where and path.read_bytes() == content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"distribution"', b'"distribution'),
        (b'"user_attr":{', b'"user_attr":[{}],"x":{'),
        (b'"trial_id"', b'"trial"'),
    ],
)
def test_a_damaged_journal_is_an_error_that_says_so(make_request, tuned, tmp_path, old, new) -> None:
    path = tmp_path / "study.journal"
    tuned(make_request(study=path, trials=1))
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(StoreError, match="the file is not of a study") as caught:
        open_tuning(make_request(study=path)).result.best  # noqa: B018
    assert "restore it" in str(caught.value.fix)


def test_a_folder_that_cannot_be_created_is_an_error(make_request, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be locked"):
        open_tuning(make_request(study=tmp_path / "file" / "study.journal"))


def test_a_process_that_dies_holding_the_journal_keeps_nobody_waiting(make_request) -> None:
    request = make_request()
    open_tuning(request)
    if not (child := os.fork()):
        study_module.open_storage(request.study)
        study_module._JournalLock(request.study).acquire()
        os._exit(0)
    os.waitpid(child, 0)
    with lock(request.study.with_name(f"{request.study.name}.writing")):
        pass
    open_tuning(request)
    names = {file.name for file in request.study.parent.iterdir()}
    assert not {name for name in names if name.endswith((".lock", ".writing", ".rename"))}


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_kill_while_values_are_stored_changes_none_of_them(
    make_request, tuned, facts, tmp_path, monkeypatch, stored
) -> None:
    whole = facts(tuned(make_request(trials=2, epochs=1, study=tmp_path / "whole.journal")))
    tuned(make_request(trials=1, epochs=1))
    storage, written = type(study_module.open_storage(make_request().study)), []
    real = storage.set_trial_param

    def set_trial_param(*arguments):
        written.append(arguments)
        if len(written) > stored:
            raise KeyboardInterrupt
        real(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(storage, "set_trial_param", set_trial_param)
        open_tuning(make_request(trials=2, epochs=1)).study.take(2)
    assert facts(tuned(make_request(trials=2, epochs=1))) == whole


@pytest.mark.parametrize("name", ["study.journal", "study.sqlite"])
def test_a_process_keeps_its_trial_until_it_dies(make_request, tmp_path, name) -> None:
    me, other, third = (open_tuning(make_request(study=tmp_path / name)).study for _ in range(3))
    mine, theirs = me.take(2), other.take(2)
    assert (mine.number, theirs.number) == (0, 1)
    assert me.take(2) is None and third.others_are_running()
    me.unlock(0)  # as its process dies
    again = third.take(2)
    assert again.number == 0 and again.params == mine.params
    other.unlock(1)
    assert third.take(2).params == theirs.params
    assert third.take(2) is None


def test_a_trial_that_three_processes_died_of_counts_as_failed(make_request) -> None:
    for _ in range(3):
        study = open_tuning(make_request()).study
        assert study.take(4).number == 0
        study.unlock(0)
    assert study.take(4).number == 1
    found = study.result.trials[0]
    assert found.state == "failed" and found.failure == "3 workers died of it"


def test_a_trial_that_diverges_counts_and_is_never_the_best(make_request, tuned) -> None:
    result = tuned(make_request(searches=("lr=1e29..1e30:log",))).result
    assert result.run == 3 and result.counts["diverged"] >= 1 and result.best.state == "finished"
    for trial in result.trials:
        assert (trial.value is None) == (trial.state == "diverged") == (trial.failure is not None)


def test_a_trial_without_enough_memory_fails_and_the_study_continues(
    make_request, tuned, monkeypatch
) -> None:
    real = objective.run_cell

    def run_cell(plan, cell, *rest):
        if cell.params["lr"] != 5e-4:
            raise DeviceError("memory ran out")
        return real(plan, cell, *rest)

    monkeypatch.setattr(objective, "run_cell", run_cell)
    result = tuned(make_request()).result
    assert result.counts == {"finished": 1, "failed": 2}
    assert result.trials[1].failure == "memory ran out"


def test_a_trial_whose_values_contradict_each_other_fails_alone(make_request, tuned) -> None:
    widths = [f"{part}_{side}=8" for part in ("features", "semantics") for side in ("encoder", "decoder")]
    few = ("batch_size=64", "latent=4", "syn_num=5", "seen_num=5", "head_epochs=2", "kl_start=20")
    request = make_request(
        method="cada-vae", settings=(*widths, *few), trials=4, epochs=1, searches=("kl_end=1..40",)
    )
    result = tuned(request).result
    assert set(result.counts) == {"finished", "failed"}
    assert all((trial.values["kl_end"] <= 20) == (trial.state == "failed") for trial in result.trials)
    assert all("kl_end" in trial.failure for trial in result.trials if trial.state == "failed")


def test_a_bug_in_a_method_ends_the_search_and_loses_no_trial(make_request, tuned, monkeypatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(objective, "run_cell", lambda *_: 1 / 0)
        tuned(make_request(trials=1))
    assert tuned(make_request(trials=1)).result.counts == {"finished": 1}


def test_a_study_of_other_settings_is_refused_with_the_difference(make_request) -> None:
    assert open_tuning(make_request()).result.run == 0
    for other, what in (
        (make_request(seed=3), "seed"),
        (make_request(settings=("hidden=32",)), "hidden"),
        (make_request(searches=("lr=1e-3..1e-2",)), "spaces lr '0.0001..0.01:log', not '0.0005..0.01'"),
        (make_request(pruning=False), "pruning"),
        (make_request(sampler="random"), "sampler"),
    ):
        with pytest.raises(ParamError, match="started with other settings") as caught:
            open_tuning(other)
        assert caught.match(what) and str(other.study) == caught.value.where
    assert open_tuning(make_request(seed=3, name="another")).result.run == 0


def test_no_trial_starts_after_the_timeout(make_request, tuned) -> None:
    tuning = tuned(make_request(timeout=0))
    assert tuning.result.run == 0
    with pytest.raises(StoreError, match="no trial of study cnzsl-digits has finished: none was run"):
        find_best_trial(tuning, tuning.result)


@pytest.mark.parametrize(("sampler", "trials"), [("tpe", 13), ("random", 5)])  # TPE begins after ten
def test_every_value_lies_in_its_space_and_the_best_trial_has_the_highest_h(
    make_request, sampler, trials
) -> None:
    searches = ("hidden=8..64:8", "epochs=1..3", "normalization=variance,none", "weight_decay=1e-6..1e-2:log")
    tuning = open_tuning(make_request(settings=(), epochs=None, searches=searches, sampler=sampler))
    names = {"lr", "scale", "seen_factor", *(search.partition("=")[0] for search in searches)}
    for number in range(trials):
        trial = tuning.study.take(trials)
        assert set(trial.params) == names
        assert trial.number == number and trial.params["hidden"] % 8 == 0
        build(plugins().method("cnzsl").params, trial.params, "test")
        tuning.study.finish(trial, TrialScore(float(number % 4), {}, None))
    assert tuning.result.best.number == 3 and tuning.result.counts == {"finished": trials}


def test_a_trial_below_the_median_at_its_third_evaluation_is_pruned_unless_it_is_the_preset(
    make_request,
) -> None:
    study = open_tuning(make_request(trials=9, eval_every=1)).study
    trials = [study.take(9) for _ in range(7)]
    for trial in trials[1:6]:
        study.report(trial, 3, 50.0)
        study.finish(trial, TrialScore(50.0, {}, None))
    for epoch in (1, 2):
        study.report(trials[6], epoch, 10.0)
    with pytest.raises(PrunedTrial):
        study.report(trials[6], 3, 10.0)
    study.report(trials[0], 3, 10.0)
    assert trials[0].number == 0 and trials[0].should_prune()


def test_a_trial_that_ends_during_the_look_at_it_is_not_lost(make_request, monkeypatch) -> None:
    me, other = (open_tuning(make_request(trials=3)).study for _ in range(2))
    theirs = other.take(3)
    running = me._running()
    other.give_up(theirs)
    monkeypatch.setattr(me, "_running", lambda: running)
    assert me.take(3).number == 1
    assert "deaths" not in me.trials[0].user_attrs
