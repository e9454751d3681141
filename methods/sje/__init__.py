"""SJE (Akata et al., CVPR 2015): a bilinear compatibility trained against the most violating class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import Batch, MethodSpec, hookimpl, param
from gzslbench_methods.bilinear import Bilinear, BilinearParams, violations
from gzslbench_methods.late import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SjeParams(BilinearParams):
    """Those of bilinear compatibilities, and how the most violating class is found."""

    search: str = param(
        "plain",
        "by which scores the most violating class is found: plain, those of the method; scaled, those of the"
        " images at mean 0 and deviation 1, as the reimplementation does that the presets come from",
        choices=("plain", "scaled"),
    )


def structured_loss(images: Tensor, semantics: Tensor, labels: Tensor, margin: float, search: str) -> Tensor:
    """The hinge of each row's most violating class, summed over the rows (Akata et al. 2015).

    That is max(0, max over n of margin + F(x, n) - F(x, y)). Where the class is searched for by "scaled"
    scores, the value may be negative, for it is computed from the plain scores of the class found.

    Args:
        images: ``(B, a)`` of the features among the semantics.
        semantics: ``(C, a)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
        search: "plain" or "scaled".
    """
    found = most_violating(images.detach(), semantics, labels, margin, search)
    away = semantics.index_select(0, found) - semantics.index_select(0, labels)
    return (margin * (found != labels) + (images * away).sum(1)).sum()


def most_violating(images: Tensor, semantics: Tensor, labels: Tensor, margin: float, search: str) -> Tensor:
    """``(B,)``: each row's most violating class, or its own where none violates; arguments as above."""
    if search == "scaled":
        deviation, mean = torch.std_mean(images, dim=1, correction=0, keepdim=True)
        images = (images - mean) / torch.where(deviation > 0, deviation, 1.0)
    return violations(images @ semantics.t(), labels, margin).argmax(1)


class Sje(Bilinear):
    """Only the hinge of the most violating class."""

    params: SjeParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The structured hinges of the batch's rows."""
        images = self.compatibility.project(batch.features)
        params = self.params
        return {
            "structured": structured_loss(images, self.semantics, batch.labels, params.margin, params.search)
        }


SPEC = MethodSpec(
    name="sje",
    title="SJE",
    paper="Akata, Reed, Walter, Lee, Schiele: Evaluation of Output Embeddings for Fine-Grained Image"
    " Classification, CVPR 2015",
    url="https://arxiv.org/abs/1409.8403",
    params=SjeParams,
    load="gzslbench_methods.sje:Sje",
    plain="gzslbench_methods.sje.plain:PlainSje",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SJE."""
    return [SPEC]
