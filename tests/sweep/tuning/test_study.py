"""A study has as many trials as asked for, the same ones every time, whoever runs them."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from gzslbench.errors import ParamError, StoreError
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.runs.progress import Progress
from gzslbench.sweep.tuning.best_trial import find_best_trial
from gzslbench.sweep.tuning.objective import PrunedTrial, TrialScore
from gzslbench.sweep.tuning.tune import open_tuning, search


@pytest.fixture(params=["study.journal", "study.sqlite"])
def kept(request, tmp_path):
    return tmp_path / request.param


def stopping_at(number):
    """Watches, and is interrupted by the user in trial ``number``'s second epoch."""

    class Stopping(Progress):
        def epoch(self, line):
            if line["leg"] == f"trial {number}" and line["epoch"] == 2:
                raise KeyboardInterrupt

    return lambda cell: nullcontext(Stopping())


def test_the_first_trial_is_the_preset_and_the_same_seed_gives_the_same_study(
    asked, tuned, facts, kept, tmp_path
) -> None:
    one = tuned(asked(study=kept))
    known = preset(plugins().method("cnzsl"), "digits", "strokes").values
    whole = build(plugins().method("cnzsl").params, known, "test").as_dict()
    assert one.result.trials[0].values == {name: whole[name] for name in ("lr", "scale", "seen_factor")}
    assert one.result.trials[0].H == one.result.preset.H
    assert [trial.number for trial in one.result.trials] == [0, 1, 2, 3]
    assert facts(tuned(asked(study=tmp_path / "again.journal"))) == facts(one)
    assert facts(tuned(asked(study=tmp_path / "other.journal", seed=1))) != facts(one)


def test_the_best_is_the_finished_trial_of_highest_h(asked, tuned) -> None:
    result = tuned(asked(trials=6, pruning=False)).result
    assert result.counts == {"finished": 6} and result.run == 6
    assert result.best.H == max(trial.H for trial in result.trials) > 0


def test_repeated_it_goes_on_to_the_number_asked_for_in_all(asked, tuned, facts, tmp_path) -> None:
    kept = tmp_path / "kept.journal"
    whole = facts(tuned(asked(trials=5, study=tmp_path / "whole.journal")))
    assert facts(tuned(asked(trials=2, study=kept))) == whole[:2]
    assert facts(tuned(asked(trials=5, study=kept))) == whole
    assert facts(tuned(asked(trials=3, study=kept))) == whole


@pytest.mark.parametrize("number", [0, 2])
def test_stopped_within_a_trial_it_goes_on_as_if_it_had_not_been(
    asked, tuned, facts, tmp_path, number
) -> None:
    kept = tmp_path / "stopped.journal"
    whole = facts(tuned(asked(study=tmp_path / "whole.journal")))
    with pytest.raises(KeyboardInterrupt):
        tuned(asked(study=kept), stopping_at(number))
    assert open_tuning(asked(study=kept)).result.counts == {
        each: count for each, count in {"finished": number, "waiting": 1}.items() if count
    }
    assert facts(tuned(asked(study=kept))) == whole


def test_a_process_keeps_its_trial_until_it_dies(asked, kept) -> None:
    me, other, third = (open_tuning(asked(study=kept, trials=2)).study for _ in range(3))
    mine, theirs = me.take(2), other.take(2)
    assert (mine.number, theirs.number) == (0, 1)
    assert me.take(2) is None and third.others_are_running()
    me.unlock(0)  # as its process dies
    again = third.take(2)
    assert again.number == 0 and again.params == mine.params
    other.unlock(1)
    assert third.take(2).params == theirs.params
    assert third.take(2) is None


def test_a_trial_that_three_processes_died_of_counts_as_failed(asked, kept) -> None:
    for _ in range(3):
        study = open_tuning(asked(study=kept)).study
        assert study.take(4).number == 0
        study.unlock(0)
    assert study.take(4).number == 1
    found = study.result.trials[0]
    assert found.state == "failed" and found.failure == "3 workers died of it"


def test_a_trial_that_diverges_counts_and_is_never_the_best(asked, tuned) -> None:
    tuning = tuned(asked(trials=4, searches=("lr=1e29..1e30:log",)))
    assert tuning.result.run == 4 and tuning.result.counts["diverged"] >= 1
    assert tuning.result.best.H > 0
    for trial in tuning.result.trials:
        assert (trial.H is None) == (trial.state == "diverged") == (trial.failure is not None)


def test_a_trial_that_memory_is_too_small_for_fails_and_the_study_goes_on(asked, tuned, monkeypatch) -> None:
    from gzslbench.errors import DeviceError
    from gzslbench.sweep.tuning import objective

    real = objective.run_cell

    def small(plan, cell, *rest):
        if cell.params["lr"] != 5e-4:
            raise DeviceError("memory ran out")
        return real(plan, cell, *rest)

    monkeypatch.setattr(objective, "run_cell", small)
    result = tuned(asked(trials=3)).result
    assert result.counts == {"finished": 1, "failed": 2}
    assert result.trials[1].failure == "memory ran out"


def test_values_that_contradict_each_other_fail_alone(asked, tuned) -> None:
    widths = [f"{part}_{side}=8" for part in ("features", "semantics") for side in ("encoder", "decoder")]
    settings = (
        *widths,
        "batch_size=64",
        "latent=4",
        "syn_num=5",
        "seen_num=5",
        "head_epochs=2",
        "kl_start=20",
    )
    result = tuned(
        asked(method="cada-vae", settings=settings, trials=6, epochs=1, searches=("kl_end=1..40",))
    ).result
    assert set(result.counts) == {"finished", "failed"}
    assert all((trial.values["kl_end"] <= 20) == (trial.state == "failed") for trial in result.trials)
    assert all("kl_end" in trial.failure for trial in result.trials if trial.state == "failed")


def test_a_bug_in_a_method_ends_the_search_and_loses_no_trial(asked, tuned, monkeypatch) -> None:
    from gzslbench.sweep.tuning import objective

    real = objective.run_cell
    monkeypatch.setattr(objective, "run_cell", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tuned(asked())
    monkeypatch.setattr(objective, "run_cell", real)
    assert tuned(asked()).result.run == 4


def test_a_study_begun_about_something_else_is_refused_and_named(asked, tuned, tmp_path) -> None:
    kept = tmp_path / "study.journal"
    tuned(asked(trials=1, study=kept))
    for other, what in (
        (asked(study=kept, seed=3), "seed"),
        (asked(study=kept, settings=("hidden=32",)), "hidden"),
        (asked(study=kept, searches=("lr=1e-3..1e-2",)), "spaces lr '0.0001..0.01:log', not '0.0005..0.01'"),
        (asked(study=kept, pruning=False), "pruning"),
        (asked(study=kept, sampler="random"), "sampler"),
    ):
        with pytest.raises(ParamError, match="started with other settings") as caught:
            open_tuning(other)
        assert caught.match(what) and str(kept) == caught.value.where
    assert open_tuning(asked(study=kept, seed=3, name="another")).result.run == 0


def test_no_trial_begins_after_the_time_is_out(asked, tuned) -> None:
    assert tuned(asked(timeout=0)).result.run == 0
    with pytest.raises(StoreError, match="no trial of study cnzsl-digits has finished: none was run"):
        tuning = open_tuning(asked())
        find_best_trial(tuning, tuning.result)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_every_value_lies_in_its_space(asked, sampler) -> None:
    searches = ("hidden=8..64:8", "epochs=1..3", "normalization=variance,none", "weight_decay=1e-6..1e-2:log")
    tuning = open_tuning(asked(settings=(), epochs=None, searches=searches, sampler=sampler))
    names = {"lr", "scale", "seen_factor", *(search.partition("=")[0] for search in searches)}
    for number in range(25):
        trial = tuning.study.take(25)
        assert set(trial.params) == names
        assert trial.number == number and trial.params["hidden"] % 8 == 0
        build(plugins().method("cnzsl").params, trial.params, "test")
        tuning.study.finish(trial, TrialScore(float(number), {}, None))
    assert tuning.result.best.number == 24


def test_a_trial_below_the_median_at_its_third_evaluation_is_hopeless(asked) -> None:
    tuning = open_tuning(asked(trials=9, eval_every=1))
    study = tuning.study
    for _ in range(6):
        trial = study.take(9)
        for epoch in (1, 2, 3, 4):
            study.report(trial, epoch, 50.0)
        study.finish(trial, TrialScore(50.0, {}, None))
    trial = study.take(9)
    study.report(trial, 1, 10.0)
    study.report(trial, 2, 10.0)
    with pytest.raises(PrunedTrial):
        study.report(trial, 3, 10.0)


def test_the_preset_is_finished_however_hopeless(asked) -> None:
    tuning = open_tuning(asked(trials=9, eval_every=1))
    study = tuning.study
    trials = [study.take(9) for _ in range(7)]
    for trial in trials[1:]:
        study.report(trial, 3, 50.0)
        study.finish(trial, TrialScore(50.0, {}, None))
    study.report(trials[0], 3, 10.0)
    assert trials[0].number == 0 and trials[0].should_prune()


def test_search_waits_for_nobody_when_nobody_is_there(asked) -> None:
    tuning = open_tuning(asked(trials=1))
    search(tuning, lambda cell: nullcontext(Progress()), lambda line: None)
    search(tuning, lambda cell: nullcontext(Progress()), lambda line: None)
    assert tuning.result.run == 1
