"""DeViSE (Frome et al., NIPS 2013): a bilinear compatibility trained by plain hinges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import Batch, MethodSpec, hookimpl, param
from gzslbench_methods.bilinear import Bilinear, BilinearParams, violations

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DeviseParams(BilinearParams):
    """Those of bilinear compatibilities, and which hinges count."""

    terms: str = param(
        "all",
        "which hinges of a row are summed: all, or only that of the first violating class in class order",
        choices=("all", "first"),
    )


def rank_loss(scores: Tensor, labels: Tensor, margin: float, terms: str) -> Tensor:
    """The hinge rank loss: max(0, margin + F(x, n) - F(x, y)) over the other classes (Frome et al. 2013).

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
        terms: "all" classes of a row, or the "first" that violates the margin.

    Returns:
        The sum over the rows.
    """
    hinges = violations(scores, labels, margin).relu()
    if terms == "first":
        violating = hinges > 0
        hinges = hinges * (violating & (violating.cumsum(1) == 1))
    return hinges.sum()


class Devise(Bilinear):
    """Hinges of the other classes, each with the same weight."""

    params: DeviseParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        return {"rank": rank_loss(scores, batch.labels, self.params.margin, self.params.terms)}


SPEC = MethodSpec(
    name="devise",
    title="DeViSE",
    paper="Frome, Corrado, Shlens, Bengio, Dean, Ranzato, Mikolov: DeViSE: A Deep Visual-Semantic Embedding"
    " Model, NIPS 2013",
    url="https://papers.nips.cc/paper/2013/hash/7cce53cf90577442771720a370c3c723-Abstract.html",
    params=DeviseParams,
    load="gzslbench_methods.devise:Devise",
    plain="gzslbench_methods.devise.plain:PlainDevise",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DeViSE."""
    return [SPEC]
