"""SAE (Kodirov et al., CVPR 2017), written plainly.

X has a column for each of the N training rows (d x N), brought to length 1, and S the semantics of the row's
class (a x N). W (a x d) encodes and Wᵀ decodes.
"""

from __future__ import annotations

import torch
from scipy.linalg import solve_sylvester
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import TrainView
from gzslbench_methods.layers import uninitialized_linear
from gzslbench_methods.sae import DEFAULT_WEIGHT, FEWEST_CLASSES, GRID, Sae, SaeParams


class PlainSae(Sae):
    """The scores of ``Sae``, with W by the paper's equation on all rows, for one λ at a time."""

    def __init__(self, view: TrainView, params: SaeParams) -> None:
        self.compare_in = params.compare_in
        weight = params.weight if params.compare_in == "features" else params.semantics_weight
        if params.choose_weight:
            weight = choose(view, params.compare_in)
        solution = solve(view.features, view.semantics[view.labels], weight)
        self.encoder = uninitialized_linear(*solution.t().shape, bias=False)
        self.encoder.weight.data = solution.to(view.features)
        self.modules = nn.ModuleDict({"encoder": self.encoder})


def solve(features: Tensor, semantics: Tensor, weight: float) -> Tensor:
    """W that minimizes ‖X - Wᵀ S‖² + λ ‖W X - S‖², each row then brought to length 1; λ is ``weight``.

    It solves A W + W B = C with A = S Sᵀ, B = λ X Xᵀ and C = (1 + λ) S Xᵀ.

    Args:
        features: ``(N, d)`` of the training rows.
        semantics: ``(N, a)`` of the rows' classes.
        weight: λ > 0.
    """
    X = functional.normalize(features.double().cpu(), dim=1).t().numpy()
    S = semantics.double().cpu().t().numpy()
    W = torch.from_numpy(solve_sylvester(S @ S.T, weight * X @ X.T, (1 + weight) * S @ X.T))
    return functional.normalize(W, dim=1)


def choose(view: TrainView, compare_in: str) -> float:
    """Return the λ of 13 with the best mean accuracy per class on every fifth seen class, held out."""
    present = sorted(set(view.labels.tolist()))
    if len(present) < FEWEST_CLASSES:
        return DEFAULT_WEIGHT
    held_out = present[:: min(5, len(present) // 2)]
    rest = [row for row, label in enumerate(view.labels.tolist()) if label not in held_out]
    candidates = view.semantics[held_out].double().cpu()
    best, largest = DEFAULT_WEIGHT, -1.0
    for weight in GRID:
        W = solve(view.features[rest], view.semantics[view.labels[rest]], weight)
        total = 0.0
        for label in held_out:
            rows = view.features[view.labels == label].double().cpu()
            if compare_in == "features":
                pairs = torch.cosine_similarity(rows[:, None], (candidates @ W)[None], dim=2)
            else:
                pairs = torch.cosine_similarity((rows @ W.t())[:, None], candidates[None], dim=2)
            correct = [held_out[index] == label for index in pairs.argmax(dim=1).tolist()]
            total += sum(correct) / len(correct)
        accuracy = total / len(held_out)
        if accuracy > largest + 1e-12:
            best, largest = weight, accuracy
    return best
