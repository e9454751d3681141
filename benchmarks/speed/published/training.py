"""A method trained by its plain form, with the habits of the published programs around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pkgutil import resolve_name
from typing import Any

import torch

from gzslbench.plugins import Batch, MethodSpec, TrainView
from gzslbench.plugins.params import Params, build
from gzslbench.training.trainer import build_method
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.published.batches import RandomBatches
from gzslbench_methods.plain import Batches

SEED = 0
Train = Callable[[Any, TrainView, Batches], None]
"""Trains a plain form on the rows of a view, with the batches of each stage."""


def build_plain(spec: MethodSpec, view: TrainView, params: Params) -> Any:
    """Build the plain form of the method of ``spec`` on the device of ``view``."""
    plain = build(spec.params, {**params.as_dict(), "form": "plain"}, "the speed programs")
    return build_method(spec, view, plain, SEED)


def plain_loop(spec: MethodSpec) -> Train:
    """Return the training loop of a method's ``plain.py``."""
    train: Train = resolve_name(f"{spec.plain.partition(':')[0]}:train")
    return train


def published_training(
    train: Train, method: Any, view: TrainView, conditions: Conditions, iterations: int | None = None
) -> Program:
    """Train all epochs of ``method``, with new optimizers at each call.

    Each batch is gathered on the host, and copied to the device.

    Args:
        train: The loop of its plain form.
        method: What ``build_plain`` returns.
        view: Its training rows.
        conditions: The precision holds for the losses.
        iterations: Of an epoch, instead of those that ``view`` has.
    """
    sizes = {stage.name: min(stage.batch_size, len(view.labels)) for stage in method.stages()}
    drawn = {name: RandomBatches(view, size) for name, size in sizes.items()}
    noise = torch.Generator(conditions.device).manual_seed(SEED)
    epoch = torch.zeros((), device=conditions.device)
    counted = view if iterations is None else _first_rows(view, iterations * max(sizes.values()))

    def batches(stage: str) -> Iterator[Batch]:
        while True:
            yield Batch(*drawn[stage].draw(), noise, epoch)

    def run() -> None:
        # No copy of a weight in bfloat16 may outlive the step that changes the weight.
        lower = conditions.precision == "bf16"
        with torch.autocast(conditions.device.type, torch.bfloat16, enabled=lower, cache_enabled=False):
            train(method, counted, batches)

    return conditions.at_precision(run)


def _first_rows(view: TrainView, rows: int) -> TrainView:
    return TrainView(view.features[:rows], view.labels[:rows], view.semantics)
