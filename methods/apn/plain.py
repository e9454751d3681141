"""APN (Xu et al., NeurIPS 2020), written plainly.

f_r is a region of an image, z_k the semantics of class k, v_i and p_i the weights of attribute i.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.apn.method import EPSILON, Apn
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.regions import arrange


class PlainApn(Apn):
    """The networks, stage and scores of ``Apn``, with the losses written as formulas."""

    def prototype_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_class, L_reg and L_AD of g_i = pool_r v_i f_r and of a_i = max_r p_i f_r, and L_cpt of p_i f_r.

        L_class = -E log p(y) among the seen classes with s_k = z_k · g; the variant reference takes
        softmax(s) for s. L_reg = E Σ_i (g_i - z_y,i)² / a. Each has its weight.
        """
        p, z, y = self.params, self.semantics, batch.labels
        by_image = torch.einsum("id,brd->bir", self.prototypes.of_image, batch.features)
        by_place = torch.einsum("id,brd->bir", self.prototypes.of_place, batch.features)
        g = by_image.max(dim=2).values if p.pooling == "max" else by_image.sum(dim=2) / by_image.shape[2]
        a = by_place.max(dim=2).values
        classified = []
        for found in (g, a):
            s = torch.einsum("bi,ki->bk", found, z)
            s = torch.softmax(s, dim=1) if p.variant == "reference" else s
            classified.append(functional.nll_loss(torch.log_softmax(s, dim=1), y))
        return {
            "class": classified[0],
            "regression": p.regression * ((g - z[y]) ** 2).mean(),
            "groups": p.groups * self.decorrelate(self.prototypes.of_image),
            "local class": p.local_class * classified[1],
            "local regression": p.local_regression * ((a - z[y]) ** 2).mean(),
            "local groups": p.local_groups * self.decorrelate(self.prototypes.of_place),
            "compactness": p.compactness * compactness(by_place),
        }

    def decorrelate(self, w: Tensor) -> Tensor:
        """L_AD = Σ_groups Σ_c ‖w_group,c‖ over channels c (clean), or Σ_groups ‖w_group‖ (reference)."""
        total = torch.zeros(())
        for group in self.prototypes.members.bool():
            squares = (w[group] ** 2).sum(dim=0) + EPSILON
            total = total + (
                torch.sqrt(squares).sum() if self.params.variant == "clean" else torch.sqrt(squares.sum())
            )
        return total


def compactness(m: Tensor) -> Tensor:
    """L_cpt = Σ_b Σ_i Σ_r σ(m_i,r) ‖place_r - place of the largest m_i‖², of ``(B, a, R)`` products."""
    columns = arrange(m.shape[2])[1]
    total = torch.zeros(())
    for products in m.flatten(0, 1):
        peak = int(products.argmax())
        for r, product in enumerate(products):
            down, across = r // columns - peak // columns, r % columns - peak % columns
            total = total + torch.sigmoid(product) * (down**2 + across**2)
    return total


def train(method: PlainApn, view: TrainView, batches: Batches) -> None:
    """Train by Adam on all losses."""
    p = method.params
    adam = torch.optim.Adam(method.prototypes.parameters(), p.lr, betas=(p.beta1, 0.999))
    stream = batches("prototypes")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        step(adam, method.prototype_loss(next(stream)))
