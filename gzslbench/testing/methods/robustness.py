"""Whether a method trains where rows and classes are few, in every precision, and as captured steps."""

from __future__ import annotations

import torch

from gzslbench.computing.device import PRECISIONS
from gzslbench.data.dataset import Dataset
from gzslbench.errors import DivergedError
from gzslbench.plugins.params import fields_of
from gzslbench.testing import made
from gzslbench.testing.check import CheckFailure, NotApplicable, demand
from gzslbench.testing.methods.case import SEED, MethodCase, Training, same
from gzslbench.testing.watching import Watching
from gzslbench.training.stage_run import StageRun

_NEAR = 0.1


def it_trains_on_a_batch_of_one(case: MethodCase) -> None:
    """With a single row a step its losses and networks stay finite."""
    infos = {info.name: info for info in fields_of(case.spec.params)}
    if "batch_size" not in infos:
        raise NotApplicable("it has no parameter 'batch_size'")
    least = int(infos["batch_size"].low or 1)
    if least > 1:
        raise NotApplicable(f"its batches have at least {least} rows")
    _trained(case, made.few_rows(), "with one row a step", batch_size=1)


def it_trains_on_one_seen_class(case: MethodCase) -> None:
    """With a single seen class it trains and is evaluated."""
    _trained(case, made.one_seen(), "on one seen class").evaluate()


def it_trains_on_more_classes_than_rows_in_a_batch(case: MethodCase) -> None:
    """With forty seen classes of two rows each, and fewer rows in a batch, it trains and is evaluated."""
    _trained(case, made.many_classes(), "on more classes than rows in a batch").evaluate()


def bfloat16_stays_near(case: MethodCase) -> None:
    """In bfloat16 its first losses are within a tenth of those in float32, and it trains."""
    _demand_trains(case)
    trainings = [case.trained(precision=precision) for precision in ("fp32", "bf16")]
    full, low = (training.ends[0].losses for training in trainings)
    for term, value in full.items():
        apart = abs(low[term] - value)
        demand(
            apart <= _NEAR * max(abs(value), 1.0),
            f"loss {term} is {low[term]:.4g} in bfloat16, {value:.4g} in float32",
            "sum over the batch in float32: call .float() on what is reduced or exponentiated",
        )


def no_step_makes_the_host_wait(case: MethodCase) -> None:
    """No loss reads a number back from the device, so that its steps can be CUDA graphs."""
    _demand_trains(case)
    method, view, _ = case.built()
    for stage in method.stages():
        run = StageRun(stage, method, view, SEED)
        with Watching() as watching:
            while not run.epoch_is_over:
                run.iterate()
        demand(
            not watching.waits,
            f"in stage {stage.name!r} {watching.waits[0] if watching.waits else ''}",
            "leave out .item(), .nonzero(), boolean masks as indices and Python branches on tensors;"
            " use torch.where",
        )


def cuda_gives_what_steps_give(case: MethodCase) -> None:
    """On CUDA, in every precision, replayed graphs train the networks that single steps do, to the bit."""
    if not torch.cuda.is_available():
        raise NotApplicable("there is no CUDA device")
    if not case.trains:
        case.trained(device="cuda").evaluate()
        return
    for precision in PRECISIONS:
        steps, graphs = (
            case.trained(device="cuda", precision=precision, deterministic=True, graphs=graphs)
            for graphs in (False, True)
        )
        demand(
            same(steps.state, graphs.state),
            f"in {precision} replayed CUDA graphs train other networks than single steps",
            "let a loss do the same work at each step: no Python state that changes, no counting of calls",
        )
        graphs.evaluate()


def _trained(case: MethodCase, dataset: Dataset, where: str, **settings: int) -> Training:
    try:
        training = case.trained(dataset, case.params(**settings))
        for end in training.ends:
            _ = end.losses
    except DivergedError as error:
        raise CheckFailure(
            f"{where} {error.what}",
            "guard what divides by a count, a deviation or a norm that can be 0; a variance of one row needs"
            " correction=0",
        ) from error
    for name, tensor in training.state.items():
        demand(
            not tensor.is_floating_point() or bool(tensor.isfinite().all()),
            f"{where} {name} became NaN or infinite",
            "guard what divides by a count, a deviation or a norm that can be 0",
        )
    return training


def _demand_trains(case: MethodCase) -> None:
    if not case.trains:
        raise NotApplicable("it has no steps to train")
