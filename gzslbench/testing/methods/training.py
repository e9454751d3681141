"""Checks of training: without test rows, on few rows and classes, in every precision, and that it learns."""

from __future__ import annotations

from contextlib import suppress

import torch

from gzslbench.computing.device import PRECISIONS
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.errors import DivergedError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins.params import build, fields_of
from gzslbench.testing.check import CheckFailure, NotApplicable, require
from gzslbench.testing.leak_detection import bytes_of_test_rows, find_rows, guard_test_rows
from gzslbench.testing.methods.case import SEED, MethodCase, Training, same_state, toy_dataset
from gzslbench.testing.sync_detection import SyncDetector
from gzslbench.training.stage_run import StageRun
from gzslbench.training.trainer import Trainer, build_method

MIN_H = 40.0
"""Percent of H on `synthetic`, where 94 is the best possible and 3 is chance."""
_MAX_BF16_ERROR = 0.1
_FIX_LEAK = "train only on the view that the constructor gets"
_FIX_DIVISION = "guard every division by a count, a deviation or a norm that can be 0"


def no_test_row_is_within_reach(case: MethodCase) -> None:
    """It reads no test row during training, and keeps no row that it scores or embeds in an evaluation."""
    if case.spec.setting == "transductive":
        raise NotApplicable("it is transductive: it may see the test rows, without labels")
    dataset = load_synthetic()
    view, held_out = case.views(dataset)
    rows, width = bytes_of_test_rows(dataset, held_out, view), view.features.shape[1]
    evaluator = Evaluator(view, held_out)
    with guard_test_rows(held_out) as (guarded, attempts):
        try:
            method = build_method(case.spec, view, case.params(), SEED)
            trainer = Trainer(method, view, SEED)
            with suppress(DivergedError):  # other checks report it
                for _ in trainer.epochs():
                    pass
        except Exception:
            _require_none(attempts)
            raise
        del guarded  # it existed during the training for methods that search the memory
    _require_none(attempts)
    for moment in ("the training", "an evaluation"):
        if moment == "an evaluation":
            with suppress(DivergedError):
                evaluator.evaluate(method, trainer.counted_epochs, SEED)
        place = find_rows(rows, width, method)
        require(place is None, f"{place} contains test rows after {moment}", _FIX_LEAK)


def it_trains_on_a_batch_of_one(case: MethodCase) -> None:
    """With one row per step, its losses and networks stay finite."""
    least = {info.name: int(info.low or 1) for info in fields_of(case.spec.params)}.get("batch_size")
    if least != 1:
        raise NotApplicable("it has no parameter 'batch_size' that can be 1")
    _train_finitely(case, "few rows", "with one row per step", batch_size=1)


def it_trains_on_one_seen_class(case: MethodCase) -> None:
    """With a single seen class, it trains and can be evaluated."""
    _train_finitely(case, "one seen class", "with one seen class").evaluate()


def it_trains_on_more_classes_than_rows_in_a_batch(case: MethodCase) -> None:
    """With forty seen classes of two rows each, and fewer rows in a batch, it trains and can be evaluated."""
    _train_finitely(case, "many classes", "with more classes than rows in a batch").evaluate()


def bfloat16_stays_near(case: MethodCase) -> None:
    """In bfloat16 it trains, and its first losses are within a tenth of those in float32."""
    _require_stages(case)
    losses = case.trained.ends[0].losses
    low = case.train(precision="bf16").ends[0].losses
    for term, value in losses.items():
        require(
            abs(low[term] - value) <= _MAX_BF16_ERROR * max(abs(value), 1.0),
            f"loss {term} is {low[term]:.4g} in bfloat16, {value:.4g} in float32",
            "sum over the batch in float32: call .float() on what is reduced or exponentiated",
        )


def no_step_makes_the_host_wait(case: MethodCase) -> None:
    """No loss reads a number back from the device, so that its steps can be CUDA graphs."""
    _require_stages(case)
    method, view, _ = case.build()
    for stage in method.stages():
        run = StageRun(stage, method, view, SEED)
        with SyncDetector() as detector:
            while not run.epoch_is_over:
                run.iterate()
        require(
            not detector.waits,
            f"in stage {stage.name!r} {''.join(detector.waits[:1])}",
            "do not use .item(), .nonzero(), boolean masks as indices or Python branches on tensors;"
            " use torch.where",
        )


def cuda_graphs_equal_single_steps(case: MethodCase) -> None:
    """On CUDA, in every precision, replayed graphs train the same networks as single steps, to the bit."""
    if not torch.cuda.is_available():
        raise NotApplicable("there is no CUDA device")
    for precision in PRECISIONS:
        steps, graphs = (
            case.train(device="cuda", precision=precision, deterministic=True, graphs=graphs)
            for graphs in (False, True)
        )
        require(
            same_state(steps.state, graphs.state),
            f"in {precision} replayed CUDA graphs train other networks than single steps",
            "let a loss do the same work in every step: no Python state that changes, no counted calls",
        )
        graphs.evaluate()


def it_comes_far_above_chance(case: MethodCase) -> None:
    """With its settings for `synthetic` H is above 40; 94 is the best possible and 3 is chance."""
    learned = case.train(load_synthetic(), build(case.spec.params, case.preset, "the preset"))
    reached = learned.evaluate().trace[-1]
    require(
        reached.H > MIN_H,
        f"H is {reached.H:.1f} (U {reached.U:.1f}, S {reached.S:.1f}, T1 {reached.T1:.1f})",
        "write settings that learn 30 classes of 32 features under [synthetic] in defaults.toml; if U is"
        " near 0 and T1 is not, lower the scores of seen classes",
    )


def _require_none(attempts: list[str]) -> None:
    require(not attempts, "".join(attempts[:1]), _FIX_LEAK)


def _require_stages(case: MethodCase) -> None:
    if not case.has_stages:
        raise NotApplicable("it has no steps to train")


def _train_finitely(case: MethodCase, toy: str, where: str, **settings: int) -> Training:
    """Train on the toy dataset `toy`; require finite losses and networks."""
    try:
        training = case.train(toy_dataset(toy), case.params(**settings))
        for end in training.ends:
            _ = end.losses  # reading them raises if one is not finite
    except DivergedError as error:
        fix = f"{_FIX_DIVISION}; a variance of one row needs correction=0"
        raise CheckFailure(f"{where} {error.what}", fix) from error
    for name, tensor in training.state.items():
        finite = not tensor.is_floating_point() or bool(tensor.isfinite().all())
        require(finite, f"{where} {name} became NaN or infinite", _FIX_DIVISION)
    return training


CHECKS = (
    no_test_row_is_within_reach,
    it_trains_on_a_batch_of_one,
    it_trains_on_one_seen_class,
    it_trains_on_more_classes_than_rows_in_a_batch,
    bfloat16_stays_near,
    no_step_makes_the_host_wait,
    cuda_graphs_equal_single_steps,
)
SLOW_CHECKS = (it_comes_far_above_chance,)
