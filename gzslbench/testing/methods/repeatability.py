"""Checks that the same seed gives the same results, also after an interruption or an evaluation."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.data.views import EvalView
from gzslbench.evaluation.evaluator import Evaluation, Evaluator
from gzslbench.plugins.inputs import TrainView
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.methods.case import SEED, MethodCase, same_state
from gzslbench.training.checkpoint import load_checkpoint, save_checkpoint
from gzslbench.training.trainer import Trainer

_FIX_DRAWS = (
    "draw from batch.normal and batch.uniform in losses, from `noise` in synthesize, from torch's global"
    " stream in the constructor; not from numpy, random or the clock; keep no state in classes or modules"
)
_FIX_STATE = (
    "register what training changes in a module of self.modules, as a parameter or by register_buffer, and"
    " read the number of the epoch from batch.epoch"
)
_FIX_EVALUATION = "do not change parameters, buffers or attributes in synthesize, embed and scores"


def the_same_seed_gives_the_same_record(case: MethodCase) -> None:
    """Two runs with the same seed give the same record and the same predictions, to the bit."""
    (record, predictions), (again, others) = case.run(SEED), case.run_again(SEED)
    require(record.status == "complete", f"the run ended {record.status}: {record.failure}", "lower `lr`")
    same = record.comparable() == again.comparable()
    require(same, "two runs with the same seed have different records", _FIX_DRAWS)
    differ = [name for name in predictions if not np.array_equal(predictions[name], others[name])]
    require(not differ, f"two runs with the same seed predict different {', '.join(differ)}", _FIX_DRAWS)


def another_seed_gives_another_model(case: MethodCase) -> None:
    """Two seeds give different predictions."""
    if case.spec.kind == "scoring" and not case.has_stages:
        raise NotApplicable("a closed form that draws nothing does not use its seed")
    one, other = (case.run(seed)[1] for seed in (SEED, SEED + 1))
    require(
        not one or not other or not np.array_equal(one["gap"], other["gap"]),
        "two seeds give the same predictions",
        "do not call torch.manual_seed or use a seed of your own: the trainer has seeded the stream",
    )


def resumed_it_trains_the_same(case: MethodCase) -> None:
    """Interrupted three times, saved and resumed, it ends like a training without interruption."""
    if not case.has_stages:
        raise NotApplicable("it has no epochs to resume")
    total = case.trained.trainer.iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        for moment in sorted({max(1, total * part // 4) for part in (1, 2, 3)}):
            trainer = _resume(case, path)
            _train_until(trainer, moment)
            save_checkpoint(path, case.spec.name, trainer.state_dict())
        trainer = _resume(case, path)
        losses = [end.losses for end in trainer.epochs()]
    expected = [end.losses for end in case.trained.ends][-len(losses) :] if losses else []
    require(losses == expected, "its losses differ from those without an interruption", _FIX_STATE)
    same = same_state(dict(trainer.method.modules.state_dict()), case.trained.state)
    require(same, "its networks differ from those without an interruption", _FIX_STATE)


def saved_and_loaded_it_predicts_the_same(case: MethodCase) -> None:
    """After loading saved networks, a new method predicts what the trained one does."""
    trained = case.trained
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        save_checkpoint(path, case.spec.name, trained.trainer.state_dict())
        trainer = _resume(case, path)
    same = _same(replace(trained, method=trainer.method).evaluate(), trained.evaluate())
    require(same, "a method that loads the saved networks predicts differently", _FIX_STATE)


def evaluation_changes_nothing(case: MethodCase) -> None:
    """Evaluated after every epoch, it trains as without evaluations; two evaluations agree."""
    evaluated = case.train(after_epoch=_evaluate)
    state = evaluated.state
    one, other = evaluated.evaluate(), evaluated.evaluate()
    unchanged = same_state(evaluated.state, state)
    require(unchanged, "its networks change during an evaluation", _FIX_EVALUATION)
    same, fix = _same(one, other), f"{_FIX_EVALUATION}, and draw only from `noise`"
    require(same, "two evaluations of the same networks predict differently", fix)
    same = same_state(state, case.train().state)
    require(same, "an evaluation after every epoch changes its training", _FIX_EVALUATION)


def _same(one: Evaluation, other: Evaluation) -> bool:
    return one.trace == other.trace and np.array_equal(one.predictions.gap, other.predictions.gap)


def _resume(case: MethodCase, path: Path) -> Trainer:
    """Return the trainer of a new method, with the state saved at `path` if the file exists."""
    method, view, _ = case.build()
    trainer = Trainer(method, view, SEED)
    if path.exists():
        trainer.load_state_dict(load_checkpoint(path, case.spec.name))
    return trainer


def _train_until(trainer: Trainer, iterations: int) -> None:
    for _ in trainer.epochs(stop=lambda: trainer.iterations_done >= iterations):
        pass


def _evaluate(method: Any, view: TrainView, held_out: EvalView) -> None:
    Evaluator(view, held_out).evaluate(method, 1, SEED)


CHECKS = (
    the_same_seed_gives_the_same_record,
    another_seed_gives_another_model,
    resumed_it_trains_the_same,
    saved_and_loaded_it_predicts_the_same,
    evaluation_changes_nothing,
)
