"""CE-GZSL in its plain form, and with the published form of the class scores."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import MethodSpec
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.ours import ce_gzsl_params
from gzslbench_benchmarks.speed.published.training import build_plain, plain_loop, published_training
from gzslbench_benchmarks.speed.shapes import Shape
from gzslbench_methods.ce_gzsl import SPEC as CE_GZSL
from gzslbench_methods.ce_gzsl.plain import PlainCeGzsl


class LoopCeGzsl(PlainCeGzsl):
    """CE-GZSL whose class scores are computed one sample after another, as in the published program."""

    def class_contrast(self, h: Tensor, y: Tensor) -> Tensor:
        """L_cls of ``(B, e)`` h, each row of which is compared with all classes."""
        classes = len(self.semantics)
        scores = torch.stack([self.relevance(row.expand(classes, -1), self.semantics) for row in h])
        return functional.nll_loss(torch.log_softmax(scores / self.params.cls_temp, dim=1), y)


LOOP = replace(CE_GZSL, plain=f"{__name__}:{LoopCeGzsl.__name__}")


def loop_iteration(shape: Shape, conditions: Conditions) -> Program:
    """An iteration whose class scores loop over the samples."""
    return _training(LOOP, shape, conditions, 1)


def pair_matrix_iteration(shape: Shape, conditions: Conditions) -> Program:
    """An iteration whose class scores read the matrix of all pairs."""
    return _training(CE_GZSL, shape, conditions, 1)


def pair_matrix_epoch(shape: Shape, conditions: Conditions) -> Program:
    """ceil(N / B) such iterations."""
    return _training(CE_GZSL, shape, conditions)


def _training(
    spec: MethodSpec, shape: Shape, conditions: Conditions, iterations: int | None = None
) -> Program:
    view = shape.train_view(conditions.device)
    method = build_plain(spec, view, replace(ce_gzsl_params(shape), epochs=1))
    return published_training(plain_loop(CE_GZSL), method, view, conditions, iterations)
