"""ESZSL (Romera-Paredes & Torr, ICML 2015), written plainly.

X has a column for each of the m training rows (d x m), S for each of the z seen classes (a x z). Y (m x z)
has 1 where the row belongs to the class.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench.plugins import TrainView
from gzslbench_methods.eszsl import Eszsl, EszslParams
from gzslbench_methods.layers import uninitialized_linear


class PlainEszsl(Eszsl):
    """The scores of ``Eszsl``, with V by the paper's formula on all rows."""

    def __init__(self, view: TrainView, params: EszslParams) -> None:
        solution = solve(view, params)
        self.to_semantics = uninitialized_linear(*solution.shape, bias=False)
        self.to_semantics.weight.data = solution.t().contiguous().to(view.features)
        self.modules = nn.ModuleDict({"to_semantics": self.to_semantics})


def solve(view: TrainView, params: EszslParams) -> Tensor:
    """V = (X Xᵀ + γ I)⁻¹ X Y Sᵀ (S Sᵀ + λ I)⁻¹, ``(d, a)``; γ is 10^``alpha`` and λ is 10^``gamma``.

    Y has -1 for the other classes (``targets`` = signed), or 0 (``targets`` = binary).
    """
    X, S = view.features.double().t(), view.semantics.double().t()
    Y = X.new_full((X.shape[1], S.shape[1]), -1.0 if params.targets == "signed" else 0.0)
    for row, label in enumerate(view.labels.tolist()):
        Y[row, label] = 1.0
    identity_d, identity_a = torch.eye(len(X)).to(X), torch.eye(len(S)).to(S)
    left = torch.linalg.inv(X @ X.t() + 10**params.alpha * identity_d)
    right = torch.linalg.inv(S @ S.t() + 10**params.gamma * identity_a)
    solution: Tensor = left @ X @ Y @ S.t() @ right
    return solution
