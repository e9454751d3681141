"""What ALE, DeViSE and SJE share: a compatibility x^T W a of features and semantics, and its hinges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import Batch, Phase, Sgd, Stage, TrainView, choices, log, param
from gzslbench_methods.late import layers, nn, torch
from gzslbench_methods.params import MethodParams

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class BilinearParams(MethodParams):
    """How the features of a bilinear method are scaled, and how its map is trained."""

    epochs: int = param(100, "passes over the training rows, or the most of them", low=1, unit="epochs")
    epochs_rule: str = param(
        "fixed",
        "fixed: so many epochs; early-stopping: stops where T1 of validation classes has not risen for 10"
        " epochs, then trains as many epochs as had the highest T1 on all of trainval",
        choices=("fixed", "early-stopping"),
        omit_default=True,
    )
    batch_size: int = param(
        32, "rows a step, whose losses are summed; the published methods step by one", low=1, unit="rows"
    )
    lr: float = param(
        0.1, "learning rate of gradient descent on the sum over a batch", above=0, search=log(1e-3, 1.0)
    )
    margin: float = param(1.0, "by how much the own class's score must lead", above=0, search=log(0.5, 200.0))
    normalization: str = param(
        "l2",
        "how features are scaled: each row to length 1, each column to mean 0 and deviation 1 over the"
        " training rows, or not at all",
        choices=("l2", "standardize", "none"),
        search=choices("l2", "standardize", "none"),
    )


class Bilinear:
    """A compatibility trained by stochastic gradient descent; a method adds its loss."""

    def __init__(self, view: TrainView, params: BilinearParams) -> None:
        self.params = params
        self.semantics = view.semantics
        self.compatibility = layers.Compatibility(
            view.features, view.semantics.shape[1], params.normalization
        )
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
