"""MSDN (Chen et al., CVPR 2022): attributes look at regions, regions look at attributes, and they agree."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassTransductiveView, Phase, Stage, TorchOptimizer
from gzslbench_methods.layers import to_float32
from gzslbench_methods.msdn import MsdnParams
from gzslbench_methods.regions import (
    calibration_loss,
    choose_sampling,
    margins_of,
    scale_semantics,
    shift_by_margin,
)


class MutualAttention(nn.Module):
    """Scores each attribute in an image, twice.

    Attributes:
        vectors: ``(a, w)``, v_i of each attribute.
        to_score: ``(w, d)``, W1: v_i W1 f is how much of attribute i the first sub-net finds in a region f.
        to_attention: ``(w, d)``, W2: v_i W2 f is how much attribute i attends to a region f.
        to_second_score: ``(w, d)``, W3, like W1 for the second sub-net.
        to_second_attention: ``(w, d)``, W4: v_i W4 f is how much a region f attends to attribute i.
    """

    def __init__(self, vectors: Tensor, features: int, *, unit_vectors: bool) -> None:
        super().__init__()
        self.unit_vectors = unit_vectors
        width = vectors.shape[1]
        # Not `vectors` itself: the view's tensor is on the device already, and must not be trained.
        self.vectors = nn.Parameter(functional.normalize(vectors.detach().cpu(), dim=1))
        self.to_score = nn.Parameter(torch.randn(width, features))
        self.to_attention = nn.Parameter(torch.zeros(width, features))
        self.to_second_score = nn.Parameter(torch.zeros(width, features))
        self.to_second_attention = nn.Parameter(torch.zeros(width, features))

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, R, d)`` regions to ``(B, a)`` scores of the attributes by each sub-net.

        The four products with the regions are one.
        """
        vectors = functional.normalize(self.vectors, dim=1) if self.unit_vectors else self.vectors
        matrices = (self.to_score, self.to_attention, self.to_second_score, self.to_second_attention)
        weights = vectors @ torch.cat(matrices, dim=1)
        stacked = torch.cat(weights.chunk(4, dim=1))
        products = to_float32(regions @ stacked.t())
        scores, attention, second_scores, second_attention = products.chunk(4, dim=2)
        first = (attention.softmax(dim=1) * scores).sum(dim=1)
        return first, (second_attention.softmax(dim=2) * second_scores).sum(dim=1)


def score_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean over the rows of the sum of |x|^3 over the length of x, with x the difference of the scores.

    Args:
        first: ``(B, C)``.
        second: ``(B, C)``.
    """
    difference = (first - second).abs()
    squared = difference.square()
    length = squared.sum(dim=1, keepdim=True).clamp_min(1e-24).sqrt()
    return (squared * difference / length).sum(dim=1).mean()


def jensen_shannon(first: Tensor, second: Tensor) -> Tensor:
    """Mean over the rows of the Jensen-Shannon divergence of the probabilities.

    Args:
        first: ``(B, C)`` logarithms of probabilities.
        second: ``(B, C)``.
    """
    middle = torch.logaddexp(first, second) - math.log(2)
    divergence = first.exp() * (first - middle) + second.exp() * (second - middle)
    return divergence.sum(dim=1).mean() / 2


def probability_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean over the rows of the mean of both Kullback-Leibler divergences plus the squared distance.

    Args:
        first: ``(B, C)`` logarithms of probabilities.
        second: ``(B, C)``.
    """
    difference = first.exp() - second.exp()
    return (difference * (first - second) / 2 + difference.square()).sum(dim=1).mean()


class Msdn:
    """Two sub-nets that classify among all classes and teach each other."""

    def __init__(self, view: ClassTransductiveView, params: MsdnParams) -> None:
        self.params = params
        assert view.attribute_vectors is not None  # the spec asks for them
        self.attention = MutualAttention(
            view.attribute_vectors, view.features.shape[-1], unit_vectors=params.unit_vectors
        )
        self.seen_semantics = view.semantics
        self.semantics = scale_semantics(
            torch.cat([view.semantics, view.unseen_semantics]), params.nonnegative
        )
        self.modules = nn.ModuleDict({"attention": self.attention})

    def stages(self) -> tuple[Stage]:
        """One stage of batches that are drawn afresh, of rows of any classes or of different ones."""
        p = self.params
        optimizer = TorchOptimizer("RMSprop", p.lr, {"momentum": p.momentum, "weight_decay": p.weight_decay})
        phase = Phase("attention", self.attention_loss, updates=("attention",), optimizer=optimizer)
        sampling = choose_sampling(len(self.seen_semantics), p.batch_size, p.balanced)
        return (Stage("attention", p.epochs, p.batch_size, (phase,), sampling=sampling),)

    def attention_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Classification and calibration of both sub-nets, and what each learns from the other."""
        p, seen = self.params, len(self.seen_semantics)
        first, second = (to_float32(each @ self.semantics.t()) for each in self.attention(batch.features))
        classes = len(self.semantics) if p.variant == "reference" else seen
        logs = [shift_by_margin(each, seen, p.margin).log_softmax(dim=1) for each in (first, second)]
        if p.variant == "reference":
            distillation = score_distance(first, second) + jensen_shannon(*logs)
        else:
            distillation = probability_distance(*logs)
        classified = [functional.cross_entropy(each[:, :classes], batch.labels) for each in (first, second)]
        calibrated = [calibration_loss(each, seen, p.margin) for each in (first, second)]
        return {
            "class": torch.stack(classified).sum(),
            "calibration": p.calibration * torch.stack(calibrated).sum(),
            "distillation": p.distillation * distillation,
        }

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Both sub-nets' attribute scores times scaled semantics, with the margin between the classes."""
        first, second = self.attention(features)
        mixed: Tensor = self.params.first_share * first + (1 - self.params.first_share) * second
        scores = mixed @ scale_semantics(semantics, self.params.nonnegative).t()
        return scores + margins_of(semantics, self.seen_semantics, self.params.margin)
