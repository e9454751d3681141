"""Checks of training: without test rows, on few rows and classes, in every precision, and that it learns."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gzslbench.computing.device import PRECISIONS
from gzslbench.errors import DivergedError
from gzslbench.plugins.params import build, fields_of
from gzslbench.testing.check import CheckFailure, NotApplicable, require
from gzslbench.testing.leak_detection import bytes_of_test_rows, find_rows, guard_test_rows
from gzslbench.testing.methods.case import SEED, MethodCase, Training, same_state
from gzslbench.training.stage_run import StageRun
from gzslbench.training.trainer import Trainer, build_method

MIN_H = 40.0
"""Percent of H on `synthetic`, where 94 is the best possible and 3 is chance."""
_MAX_BF16_ERROR = 0.1
_MANY_ROWS = 512
_SYNCHRONIZING = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
}
_INDEXING = {torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default}
_FIX_LEAK = "train only on the view that the constructor gets"
_FIX_WAIT = (
    "do not use .item(), .nonzero(), boolean masks as indices or Python branches on tensors; use torch.where"
)
_FIX_DIVISION = "guard every division by a count, a deviation or a norm that can be 0"


def no_test_row_is_within_reach(case: MethodCase) -> None:
    """It reads no test row during training, and keeps no row that it scores or embeds in an evaluation."""
    if case.spec.setting == "transductive":
        raise NotApplicable("it is transductive: it may see the test rows, without labels")
    params = case.params(max_rows=_MANY_ROWS)  # few steps, though `synthetic` is large
    _, view, held_out = case.build("synthetic", params)
    rows, width = bytes_of_test_rows(case.dataset("synthetic"), held_out, view), view.features.shape[-1]
    evaluator = case.make_evaluator(view, held_out)
    with guard_test_rows(held_out) as (guarded, attempts):
        try:
            method = build_method(case.spec, view, params, SEED)
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
        near = abs(low[term] - value) <= _MAX_BF16_ERROR * max(abs(value), 1.0)
        what = f"loss {term} is {low[term]:.4g} in bfloat16, {value:.4g} in float32"
        require(near, what, "sum over the batch in float32: call .float() on what is reduced")


def no_step_makes_the_host_wait(case: MethodCase) -> None:
    """No loss reads a number back from the device, so that its steps can be CUDA graphs."""
    _require_stages(case)
    method, view, _ = case.build()
    for stage in method.stages():
        run = StageRun(stage, method, view, SEED)
        with SyncDetector() as detector:
            while not run.epoch_is_over:
                run.iterate()
        what = f"in stage {stage.name!r} {''.join(detector.waits[:1])}"
        require(not detector.waits, what, _FIX_WAIT)


def cuda_graphs_equal_single_steps(case: MethodCase) -> None:
    """On CUDA, in every precision, replayed graphs train the same networks as single steps, to the bit."""
    if not torch.cuda.is_available():
        raise NotApplicable("there is no CUDA device")
    for precision in PRECISIONS:
        steps, graphs = (
            case.train(device="cuda", precision=precision, deterministic=True, graphs=graphs)
            for graphs in (False, True)
        )
        same = same_state(steps.state, graphs.state)
        fix = "let a loss do the same work in every step: no Python state that changes, no counted calls"
        require(same, f"in {precision} replayed CUDA graphs train other networks than single steps", fix)
        graphs.evaluate()


def it_comes_far_above_chance(case: MethodCase) -> None:
    """With its settings for `synthetic` H gets above 40; 94 is the best possible and 3 is chance."""
    method, view, held_out = case.build("synthetic", build(case.spec.params, case.preset, "the preset"))
    trainer, evaluator = Trainer(method, view, SEED), case.make_evaluator(view, held_out)
    early = {trainer.counted_epochs * part // 8 for part in range(1, 8)}  # most methods need no more
    for end in trainer.epochs():
        if end.counted and end.epoch in early and evaluator.evaluate(method, 1, SEED).trace[-1].H > MIN_H:
            return
    reached = evaluator.evaluate(method, 1, SEED).trace[-1]
    require(
        reached.H > MIN_H,
        f"H is {reached.H:.1f} (U {reached.U:.1f}, S {reached.S:.1f}, T1 {reached.T1:.1f})",
        "write settings that learn 30 classes of 32 features under [synthetic] in defaults.toml; if U is"
        " near 0 and T1 is not, lower the scores of seen classes",
    )


class SyncDetector(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that collects, on a CPU, the operators that would make the host wait for a GPU.

    Attributes:
        waits: A line for each of these operators.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # The size of what a boolean mask selects is known only on the device, so that the host waits.
        indices = args[1] if func in _INDEXING else ()
        masked = any(index is not None and index.dtype == torch.bool for index in indices)
        if (func in _SYNCHRONIZING or masked) and not _called_by_an_optimizer():
            self.waits.append(f"the host waits for {func}")
        return self.call(func, args, kwargs or {})

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call the operator; a subclass may do more."""
        return func(*args, **kwargs)


def _called_by_an_optimizer() -> bool:
    """Return whether torch.optim is running: on a GPU it has forms that never wait, on a CPU others."""
    frames = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_stack(None))
    return any(name.startswith("torch.optim.") for name in frames)


def _require_none(attempts: list[str]) -> None:
    require(not attempts, "".join(attempts[:1]), _FIX_LEAK)


def _require_stages(case: MethodCase) -> None:
    if not case.has_stages:
        raise NotApplicable("it has no steps to train")


def _train_finitely(case: MethodCase, toy: str, where: str, **settings: int) -> Training:
    """Train on the toy dataset `toy`; require finite losses and networks."""
    try:
        training = case.train(toy, case.params(**settings))
        for end in training.ends:
            _ = end.losses  # reading them raises if one is not finite
    except DivergedError as error:
        fix = f"{_FIX_DIVISION}; a variance of one row needs correction=0"
        raise CheckFailure(f"{where} {error.what}", fix) from error
    for name, tensor in training.state.items():
        finite = not tensor.is_floating_point() or bool(tensor.isfinite().all())
        require(finite, f"{where} {name} became NaN or infinite", _FIX_DIVISION)
    return training
