"""ESZSL (Romera-Paredes & Torr, ICML 2015): a bilinear map between features and semantics, in closed form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import MethodSpec, TrainView, hookimpl, param, steps
from gzslbench_methods.closed_form import class_sums, gram
from gzslbench_methods.late import layers, nn, torch
from gzslbench_methods.params import MethodParams

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EszslParams(MethodParams):
    """Both penalties, as the exponents that are searched over, and how the labels are written."""

    alpha: float = param(
        3.0,
        "exponent of the penalty 10^alpha on the features' side (the paper's gamma)",
        low=-10,
        high=10,
        search=steps(-3.0, 3.0, 1.0),
    )
    gamma: float = param(
        0.0,
        "exponent of the penalty 10^gamma on the semantics' side (the paper's lambda)",
        low=-10,
        high=10,
        search=steps(-3.0, 3.0, 1.0),
    )
    targets: str = param(
        "binary",
        "what a row's other classes are trained toward: binary 0, as the common reimplementation has it,"
        " signed -1, as the paper has it",
        choices=("binary", "signed"),
    )


class Eszsl:
    """Scores x^T V s, with V solved from all seen training rows at once."""

    def __init__(self, view: TrainView, params: EszslParams) -> None:
        solution = solve(view, params).to(view.features.dtype)
        self.to_semantics = layers.uninitialized_linear(*solution.shape, bias=False)
        self.to_semantics.weight.data = solution.t().contiguous()
        self.modules = nn.ModuleDict({"to_semantics": self.to_semantics})

    def stages(self) -> tuple[()]:
        """None: the constructor has solved it."""
        return ()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` compatibilities."""
        scores: Tensor = self.to_semantics(features) @ semantics.t()
        return scores


def solve(view: TrainView, params: EszslParams) -> Tensor:
    """``(d, a)``: V = (X X^T + 10^alpha I)^-1 X Y S^T (S S^T + 10^gamma I)^-1, in float64.

    X Y, the features times the labels, is the features' sum of each class; where the labels of the other
    classes are -1 and not 0, it is twice that less the sum of all.
    """
    sums = class_sums(view.features, view.labels, len(view.semantics))
    toward = sums if params.targets == "binary" else 2 * sums - sums.sum(0)
    semantics = view.semantics.double()
    left = _penalized(gram(view.features), params.alpha)
    right = _penalized(gram(semantics), params.gamma)
    by_features = torch.linalg.solve(left, toward.t() @ semantics)
    solution: Tensor = torch.linalg.solve(right, by_features.t()).t()
    return solution


def _penalized(matrix: Tensor, exponent: float) -> Tensor:
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    penalty: float = 10.0**exponent
    return matrix + penalty * identity


SPEC = MethodSpec(
    name="eszsl",
    title="ESZSL",
    paper="Romera-Paredes, Torr: An Embarrassingly Simple Approach to Zero-Shot Learning, ICML 2015",
    url="https://proceedings.mlr.press/v37/romera-paredes15.html",
    params=EszslParams,
    load="gzslbench_methods.eszsl:Eszsl",
    plain="gzslbench_methods.eszsl.plain:PlainEszsl",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ESZSL."""
    return [SPEC]
