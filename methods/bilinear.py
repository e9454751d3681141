"""Bilinear compatibility x^T W a of features and semantics, which ALE, DeViSE and SJE train by hinges."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, Phase, Sgd, Stage, TrainView
from gzslbench_methods.layers import to_float32, uninitialized_linear
from gzslbench_methods.params import BilinearParams


class Compatibility(nn.Module):
    """F(x, a) = x^T W a, of features that it normalizes first.

    Each column of W starts uniform in [0, 1) and is brought to length 1.
    """

    def __init__(self, features: Tensor, semantics: int, normalization: str) -> None:
        """``features``: ``(n, d)`` training rows, whose means and deviations standardize."""
        super().__init__()
        self.normalization = normalization
        self.to_semantics = uninitialized_linear(features.shape[1], semantics, bias=False)
        weight = torch.rand(semantics, features.shape[1])
        self.to_semantics.weight.data = functional.normalize(weight, dim=1)
        self.mean: Tensor
        self.deviation: Tensor
        if normalization == "standardize":
            deviation = features.double().std(0, correction=0)
            self.register_buffer("mean", features.double().mean(0).to(features))
            self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0).to(features))

    def project(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to their ``(n, a)`` images x^T W among the semantics."""
        if self.normalization == "l2":
            features = functional.normalize(features, dim=1)
        elif self.normalization == "standardize":
            features = (features - self.mean) / self.deviation
        images: Tensor = self.to_semantics(features)
        return to_float32(images)

    def forward(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` scores."""
        return to_float32(self.project(features) @ semantics.t())


class Bilinear:
    """A compatibility trained by stochastic gradient descent; a method adds its loss."""

    def __init__(self, view: TrainView, params: BilinearParams) -> None:
        self.params = params
        self.semantics = view.semantics
        self.compatibility = Compatibility(view.features, view.semantics.shape[1], params.normalization)
        self.modules = nn.ModuleDict({"compatibility": self.compatibility})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows."""
        params = self.params
        phase = Phase("hinges", self.hinge_loss, updates=("compatibility",), optimizer=Sgd(params.lr))
        return (Stage("hinges", params.epochs, params.batch_size, (phase,), sampling="pass"),)

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The method's own loss of the batch's rows, summed over them."""
        raise NotImplementedError

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` compatibilities."""
        scores: Tensor = self.compatibility(features, semantics)
        return scores


def violations(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """By how much each class violates the margin: margin + F(x, n) - F(x, y), and 0 for the own class y.

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.

    Returns:
        ``(B, C)``; negative where the own class leads by more than the margin.
    """
    own = labels.unsqueeze(1) == torch.arange(scores.shape[1], device=scores.device)
    lead = torch.where(own, scores, 0.0).sum(1, keepdim=True)
    return torch.where(own, 0.0, margin + scores - lead)
