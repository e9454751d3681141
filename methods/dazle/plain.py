"""DAZLE (Huynh & Elhamifar, CVPR 2020), written plainly.

f_r is a region of an image, v_i the vector of attribute i, z_k,i its value in the semantics z_k of class k.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.dazle.method import Dazle
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.regions import episode_rows


class PlainDazle(Dazle):
    """The networks, stage and scores of ``Dazle``, with the losses as the paper writes them."""

    def attention_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log p(y | x) over all classes k without the margin, and λ · -log E Σ_unseen p(k | x) with it.

        s_k = Σ_i z_k,i g_i e_i; p(k) is the softmax of s_k, and with the margin of s_k + m for unseen and
        s_k - m for seen classes.
        """
        e, g = self.attributes(batch.features)
        s = torch.einsum("ki,bi,bi->bk", self.semantics, g, e)
        log_p = torch.log_softmax(s, dim=1)
        seen = len(self.seen_semantics)
        margin = torch.full((len(self.semantics),), self.params.margin, device=s.device)
        margin[:seen] *= -1
        mass = torch.softmax(s + margin, dim=1)[:, seen:].sum(dim=1)
        return {
            "class": functional.nll_loss(log_p, batch.labels),
            "calibration": self.params.calibration * -torch.log(mass.mean()),
        }

    def attributes(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Return e ``(B, a)``, how much of each attribute is in the image, and the gates g ``(B, a)``.

        α_i,r = softmax_r(v_i W2 f_r), h_i = Σ_r α_i,r f_r, e_i = Σ_r α_i,r v_i W1 f_r = v_i W1 h_i, and
        g_i = σ(v_i W3 h_i).
        """
        network, v = self.attention, self.attention.vectors
        if network.unit_vectors:
            v = v / v.norm(dim=1, keepdim=True)
        alpha = torch.softmax(torch.einsum("iv,vd,brd->bir", v, network.to_attention, f), dim=2)
        h = torch.einsum("bir,brd->bid", alpha, f)
        e = torch.einsum("iv,vd,bid->bi", v, network.to_score, h)
        g = torch.sigmoid(torch.einsum("iv,vd,bid->bi", v, network.to_gate, h))
        return e, g


def train(method: PlainDazle, view: TrainView, batches: Batches) -> None:
    """Train by RMSprop on both losses."""
    p = method.params
    rmsprop = torch.optim.RMSprop(
        method.attention.parameters(), p.lr, weight_decay=p.weight_decay, momentum=p.momentum
    )
    stream = batches("attention")
    rows = episode_rows(len(view.semantics), p.batch_size, p.balanced)
    for _ in range(p.epochs * iterations(view, rows)):
        step(rmsprop, method.attention_loss(next(stream)))
