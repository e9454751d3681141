"""Checks that the same seed gives the same results, also after an interruption or an evaluation."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.data.views import EvalView
from gzslbench.evaluation.evaluator import Evaluation
from gzslbench.plugins.inputs import TrainView
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.methods.case import SEED, MethodCase, copy_state, same_state
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


def the_same_seed_trains_the_same_model(case: MethodCase) -> None:
    """Two trainings with the same seed give the same losses, networks and predictions, to the bit."""
    one, other = case.trained, case.train()
    same = [end.losses for end in one.ends] == [end.losses for end in other.ends]
    require(same, "two trainings with the same seed have different losses", _FIX_DRAWS)
    same = same_state(one.state, other.state)
    require(same, "two trainings with the same seed have different networks", _FIX_DRAWS)
    same = _same(one.evaluate(), other.evaluate())
    require(same, "two trainings with the same seed predict differently", _FIX_DRAWS)


def another_seed_trains_another_model(case: MethodCase) -> None:
    """Two seeds give different networks or predictions."""
    if not case.has_stages:
        raise NotApplicable("a closed form does not use its seed")
    one, other = case.trained, case.train(seed=SEED + 1)
    same = same_state(one.state, other.state) and _same(one.evaluate(), other.evaluate())
    fix = "do not call torch.manual_seed or use a seed of your own: the trainer has seeded the stream"
    require(not same, "two seeds give the same networks and the same predictions", fix)


def resumed_it_trains_the_same(case: MethodCase) -> None:
    """Interrupted three times, saved and resumed, it ends like a training without interruption."""
    trained = case.trained
    total = trained.trainer.iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        for moment in sorted({max(1, total * part // 4) for part in (1, 2, 3)} if total else {0}):
            trainer = _resume(case, path)
            list(trainer.epochs(stop=lambda: trainer.iterations_done >= moment))  # noqa: B023 - called here
            save_checkpoint(path, case.spec.name, trainer.state_dict())
        trainer = _resume(case, path)
        losses = [end.losses for end in trainer.epochs()]
        same = not losses or losses == [end.losses for end in trained.ends][-len(losses) :]
        require(same, "its losses differ from those without an interruption", _FIX_STATE)
        same = same_state(copy_state(trainer.method), trained.state)
        require(same, "its networks differ from those without an interruption", _FIX_STATE)
        # The networks must be enough to predict: a new method gets only them, after the training.
        save_checkpoint(path, case.spec.name, trained.trainer.state_dict())
        loaded = replace(trained, method=_resume(case, path).method)
    same = _same(loaded.evaluate(), trained.evaluate())
    require(same, "a method that loads the saved networks predicts differently", _FIX_STATE)


def evaluation_changes_nothing(case: MethodCase) -> None:
    """Evaluated after every epoch, it trains as without evaluations; two evaluations agree."""

    def evaluate(method: Any, view: TrainView, held_out: EvalView) -> None:
        case.make_evaluator(view, held_out).evaluate(method, 1, SEED)

    evaluated = case.train(after_epoch=evaluate)
    same = same_state(evaluated.state, case.trained.state)
    require(same, "an evaluation after every epoch changes its training", _FIX_EVALUATION)
    same = _same(evaluated.evaluate(), evaluated.evaluate())
    fix = f"{_FIX_EVALUATION}; draw only from `noise`"
    require(same, "two evaluations of the same networks predict differently", fix)
    same = same_state(copy_state(evaluated.method), evaluated.state)
    require(same, "its networks change during an evaluation", _FIX_EVALUATION)


def _same(one: Evaluation, other: Evaluation) -> bool:
    return one.trace == other.trace and np.array_equal(one.predictions.gap, other.predictions.gap)


def _resume(case: MethodCase, path: Path) -> Trainer:
    """Return the trainer of a new method, with the state saved at `path` if the file exists."""
    method, view, _ = case.build()
    trainer = Trainer(method, view, SEED)
    if path.exists():
        trainer.load_state_dict(load_checkpoint(path, case.spec.name))
    return trainer
