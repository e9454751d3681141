"""Whether the same seed gives the same, whatever happens to the run in between."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.data.views import EvalView
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins.inputs import TrainView
from gzslbench.testing.check import NotApplicable, demand
from gzslbench.testing.methods.case import SEED, MethodCase, same
from gzslbench.training.checkpoint import load_checkpoint, save_checkpoint
from gzslbench.training.trainer import Trainer

_DRAWS = (
    "draw from batch.normal and batch.uniform in losses, from `noise` in synthesize, from torch's own stream"
    " in the constructor; neither numpy, random nor the clock; and keep no state in classes or modules"
)
_STATE = (
    "register what training changes in a module of self.modules, as a parameter or by register_buffer, and"
    " take the number of the epoch from batch.epoch"
)


def the_same_seed_gives_the_same_record(case: MethodCase) -> None:
    """Two runs of one seed leave the same record and the same predictions, to the bit."""
    (record, predictions), (again, others) = case.run(SEED), case.run_again(SEED)
    demand(record.status == "complete", f"the run ended {record.status}: {record.failure}", "lower `lr`")
    demand(record.comparable() == again.comparable(), "two runs of one seed have different records", _DRAWS)
    unlike = [name for name in predictions if not np.array_equal(predictions[name], others[name])]
    demand(not unlike, f"two runs of one seed differ in {', '.join(unlike)} of their predictions", _DRAWS)


def another_seed_gives_another_model(case: MethodCase) -> None:
    """Another seed leads to other predictions."""
    if case.spec.kind == "scoring" and not case.trains:
        raise NotApplicable("a closed form that draws nothing has no use for a seed")
    one, other = (case.run(seed)[1] for seed in (SEED, SEED + 1))
    demand(
        not one or not other or not np.array_equal(one["gap"], other["gap"]),
        "two seeds lead to the same predictions",
        "leave torch.manual_seed and seeds of your own alone: the trainer has seeded the stream",
    )


def resumed_it_trains_the_same(case: MethodCase) -> None:
    """Interrupted three times, saved and resumed, it ends as a training without interruptions does."""
    if not case.trains:
        raise NotApplicable("it has no epochs to resume")
    whole = case.trained()
    total = whole.trainer.iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        for moment in sorted({max(1, total * part // 4) for part in (1, 2, 3)}):
            trainer = _resumed(case, path)
            _train_until(trainer, moment)
            save_checkpoint(path, case.spec.name, trainer.state_dict())
        trainer = _resumed(case, path)
        losses = [end.losses for end in trainer.epochs()]
    expected = [end.losses for end in whole.ends][-len(losses) :] if losses else []
    demand(losses == expected, "resumed, it has other losses than without an interruption", _STATE)
    demand(
        same(dict(trainer.method.modules.state_dict()), whole.state),
        "resumed, it ends with other networks than without an interruption",
        _STATE,
    )


def saved_and_loaded_it_predicts_the_same(case: MethodCase) -> None:
    """A method into which saved networks are loaded predicts what the trained one does."""
    trained = case.trained()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        save_checkpoint(path, case.spec.name, trained.trainer.state_dict())
        trainer = _resumed(case, path)
    expected = trained.evaluate()
    found = replace(trained, method=trainer.method).evaluate()
    demand(
        found.trace == expected.trace and np.array_equal(found.predictions.gap, expected.predictions.gap),
        "a method into which the saved networks were loaded predicts otherwise than the trained one",
        _STATE,
    )


def evaluation_changes_nothing(case: MethodCase) -> None:
    """Evaluated after each epoch, it trains as without evaluations, and it says the same twice."""
    first = case.trained(after_epoch=_evaluate)
    state = first.state
    once, twice = first.evaluate(), first.evaluate()
    fix = "leave parameters, buffers and attributes alone in synthesize, embed and scores"
    demand(same(first.state, state), "its networks change while it is evaluated", fix)
    demand(
        once.trace == twice.trace and np.array_equal(once.predictions.gap, twice.predictions.gap),
        "evaluated twice, it predicts two things",
        fix + ", and draw from `noise` alone",
    )
    demand(
        same(state, case.trained().state), "evaluated after each epoch it trains otherwise than without", fix
    )


def _resumed(case: MethodCase, path: Path) -> Trainer:
    """The trainer of a method newly built, with the state saved at ``path``, if there is one."""
    method, view, _ = case.built()
    trainer = Trainer(method, view, SEED)
    if path.exists():
        trainer.load_state_dict(load_checkpoint(path, case.spec.name))
    return trainer


def _train_until(trainer: Trainer, moment: int) -> None:
    for _ in trainer.epochs(stop=lambda: trainer.iterations_done >= moment):
        pass


def _evaluate(method: Any, view: TrainView, held_out: EvalView) -> None:
    Evaluator(view, held_out).evaluate(method, 1, SEED)
