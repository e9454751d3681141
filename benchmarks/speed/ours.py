"""This toolkit's programs, built through its own trainer and evaluator."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.training.trainer import Trainer, build_method
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.shapes import Shape
from gzslbench_methods.ce_gzsl import SPEC as CE_GZSL
from gzslbench_methods.ce_gzsl import CeGzslParams
from gzslbench_methods.f_clswgan import SPEC as F_CLSWGAN
from gzslbench_methods.f_clswgan import FClswganParams

SEED = 0
WARM_UP_EPOCHS = 2
"""Epochs trained before a training is timed; on CUDA every step is captured in them."""
_ENDLESS = 1 << 30


def ce_gzsl_params(shape: Shape, zsl_epochs: int = 0) -> CeGzslParams:
    """CE-GZSL's parameters at ``shape``, in the published variant."""
    return CeGzslParams(
        epochs=_ENDLESS,
        batch_size=shape.batch,
        critic_iter=shape.critic_steps,
        lr=shape.lr,
        ins_weight=shape.weight,
        cls_weight=shape.weight,
        nz=shape.noise,
        ngh=shape.generator,
        ndh=shape.critic,
        embed_size=shape.embedding,
        outz_size=shape.projection,
        nhF=shape.comparator,
        syn_num=shape.syn_num,
        head_epochs=shape.head_epochs,
        zsl_epochs=zsl_epochs,
    )


def f_clswgan_params(shape: Shape) -> FClswganParams:
    """f-CLSWGAN's parameters at ``shape``, after the shortest of pretrainings."""
    return FClswganParams(
        epochs=_ENDLESS,
        batch_size=shape.batch,
        critic_iter=shape.critic_steps,
        lr=shape.lr,
        cls_weight=shape.weight,
        nz=shape.noise,
        ngh=shape.generator,
        ndh=shape.critic,
        pretrain_epochs=1,
        syn_num=shape.syn_num,
    )


def ce_gzsl_iteration(shape: Shape, conditions: Conditions) -> Program:
    """One iteration of CE-GZSL."""
    view = shape.train_view(conditions.device)
    method = build_method(CE_GZSL, view, ce_gzsl_params(shape), SEED)
    stage = Trainer(method, view, SEED, conditions.precision).current
    assert stage is not None
    return conditions.at_precision(stage.iterate)


def ce_gzsl_evaluation(shape: Shape, conditions: Conditions, zsl_epochs: int = 0) -> Program:
    """One evaluation of CE-GZSL, in float32 at any precision of training, as in a run."""
    view, test = shape.train_view(conditions.device), shape.eval_view(conditions.device)
    method = build_method(CE_GZSL, view, ce_gzsl_params(shape, zsl_epochs), SEED)
    return partial(Evaluator(view, test).evaluate, method, epoch=1, seed=SEED)


def ce_gzsl_training(shape: Shape, conditions: Conditions, epochs: int) -> Program:
    """A whole training of CE-GZSL from new networks, graph captures included, with an evaluation each epoch.

    A short training comes first, untimed, so that libraries are loaded and memory is allocated.
    """
    view, test = shape.train_view(conditions.device), shape.eval_view(conditions.device)

    def train(epochs: int) -> None:
        method = build_method(CE_GZSL, view, replace(ce_gzsl_params(shape), epochs=epochs), SEED)
        evaluator = Evaluator(view, test)
        for end in Trainer(method, view, SEED, conditions.precision).epochs():
            evaluator.evaluate(method, end.epoch, SEED)
            end.losses  # noqa: B018  a run reads them, and stops at one that is NaN

    train(min(WARM_UP_EPOCHS, epochs))
    return partial(train, epochs)


def f_clswgan_epoch(shape: Shape, conditions: Conditions, *, graphs: bool = True) -> Program:
    """One epoch of f-CLSWGAN's game; ``graphs``: whether a CUDA device replays captured steps."""
    view = shape.train_view(conditions.device)
    method = build_method(F_CLSWGAN, view, f_clswgan_params(shape), SEED)
    epochs = Trainer(method, view, SEED, conditions.precision, graphs=graphs).epochs()
    next(epochs)  # the classifier's
    return partial(next, epochs)
