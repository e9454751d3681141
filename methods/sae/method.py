"""SAE (Kodirov et al., CVPR 2017): a linear encoder to the semantics whose transpose decodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.linalg import solve_sylvester
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Stage, TrainView
from gzslbench_methods.closed_form import class_counts, class_sums, gram
from gzslbench_methods.layers import uninitialized_linear
from gzslbench_methods.sae import SaeParams


class Sae:
    """The class whose semantics, or whose decoded feature vector, points most nearly the same way."""

    def __init__(self, view: TrainView, params: SaeParams) -> None:
        self.params = params
        solution = solve(view, params.weight).to(view.features)
        self.encoder = uninitialized_linear(*solution.t().shape, bias=False)
        self.encoder.weight.data = solution
        self.modules = nn.ModuleDict({"encoder": self.encoder})

    def stages(self) -> Sequence[Stage]:
        """None: the constructor has solved it."""
        return ()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` cosines."""
        if self.params.compare_in == "features":
            return _cosines(features, semantics @ self.encoder.weight)
        return _cosines(self.encoder(features), semantics)


def solve(view: TrainView, weight: float) -> Tensor:
    """``(a, d)`` W of Kodirov et al. 2017, in float64: A W + W B = C.

    With S the semantics of every row, A = S S^T, B = weight X X^T and C = (1 + weight) S X^T; S repeats a
    class's semantics for each of its rows, so A and C come from the rows' counts and sums by class.
    """
    semantics = view.semantics.double()
    counts = class_counts(view.labels, len(semantics))
    sums = class_sums(view.features, view.labels, len(semantics))
    A = semantics.t() @ (counts[:, None] * semantics)
    B = weight * gram(view.features)
    C = (1 + weight) * semantics.t() @ sums
    return torch.from_numpy(solve_sylvester(A.cpu().numpy(), B.cpu().numpy(), C.cpu().numpy()))


def _cosines(left: Tensor, right: Tensor) -> Tensor:
    return functional.normalize(left, dim=1) @ functional.normalize(right, dim=1).t()
