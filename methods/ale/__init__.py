"""ALE (Akata et al., TPAMI 2016): a bilinear compatibility trained to rank the own class first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gzslbench.plugins import Batch, MethodSpec, hookimpl
from gzslbench_methods.bilinear import Bilinear, BilinearParams, violations
from gzslbench_methods.late import torch

if TYPE_CHECKING:
    from torch import Tensor


def ranking_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Weighted ranking: beta_r / r times a row's sum of hinges, summed over the rows (Akata et al. 2016).

    r is how many classes violate the margin, and beta_r = 1 + 1/2 + ... + 1/r (Usunier et al. 2009).

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
    """
    hinges = violations(scores, labels, margin).relu()
    rank = (hinges > 0).sum(1)
    weights = harmonic(scores) / torch.arange(scores.shape[1], device=scores.device).clamp(min=1)
    return (weights.index_select(0, rank) * hinges.sum(1)).sum()


def harmonic(scores: Tensor) -> Tensor:
    """``(C,)``: beta_0 = 0 to beta_(C - 1), where ``scores`` lie."""
    ranks = torch.arange(scores.shape[1], device=scores.device, dtype=scores.dtype)
    return torch.where(ranks > 0, 1 / ranks.clamp(min=1), 0.0).cumsum(0)


class Ale(Bilinear):
    """Hinges weighted by the rank of the own class."""

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        return {"ranking": ranking_loss(scores, batch.labels, self.params.margin)}


SPEC = MethodSpec(
    name="ale",
    title="ALE",
    paper="Akata, Perronnin, Harchaoui, Schmid: Label-Embedding for Image Classification, TPAMI 2016",
    url="https://arxiv.org/abs/1503.08677",
    params=BilinearParams,
    load="gzslbench_methods.ale:Ale",
    plain="gzslbench_methods.ale.plain:PlainAle",
    kind="scoring",
    preprocessing="none",
    version=2,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ALE."""
    return [SPEC]
