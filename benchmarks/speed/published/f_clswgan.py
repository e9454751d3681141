"""The game of f-CLSWGAN in its plain form."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.ours import f_clswgan_params
from gzslbench_benchmarks.speed.published.training import build_plain, published_training
from gzslbench_benchmarks.speed.shapes import Shape
from gzslbench_methods.f_clswgan import SPEC as F_CLSWGAN
from gzslbench_methods.f_clswgan.plain import play_game


def epoch(shape: Shape, conditions: Conditions) -> Program:
    """An epoch of the game, whose classifier stays as it is initialised."""
    view = shape.train_view(conditions.device)
    method = build_plain(F_CLSWGAN, view, replace(f_clswgan_params(shape), epochs=1))
    return published_training(partial(play_game, critic_lr=shape.lr), method, view, conditions)
