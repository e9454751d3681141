"""MSDN (Chen et al., CVPR 2022), written plainly.

f_r is a region of an image, v_i the vector of attribute i, z_k,i its value in the semantics z_k of class k.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.msdn.method import Msdn
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.regions import episode_rows


class PlainMsdn(Msdn):
    """The networks, stage and scores of ``Msdn``, with the losses written as formulas."""

    def attention_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_class + λ L_cal of both sub-nets n, with the scores s^n_k = Σ_i z_k,i e^n_i, and μ L_distill.

        L_class = -E log p(y), over all classes without the margin (reference) or over the seen ones (clean).
        L_cal = -log E Σ_unseen p(k), with the margin: s_k + m of unseen and s_k - m of seen classes.
        """
        z, seen, p = self.semantics, len(self.seen_semantics), self.params
        m = torch.full((len(z),), p.margin, device=z.device)
        m[:seen] *= -1
        among = slice(None) if p.variant == "reference" else slice(seen)
        classified, calibrated, scores = torch.zeros(()), torch.zeros(()), []
        for e in self.attributes(batch.features):
            s = torch.einsum("ki,bi->bk", z, e)
            log_p = torch.log_softmax(s[:, among], dim=1)
            classified = classified + functional.nll_loss(log_p, batch.labels)
            mass = torch.softmax(s + m, dim=1)[:, seen:].sum(dim=1)
            calibrated = calibrated - torch.log(mass.mean())
            scores.append(s + m)
        distil = distil_scores if p.variant == "reference" else distil_probabilities
        return {
            "class": classified,
            "calibration": p.calibration * calibrated,
            "distillation": p.distillation * distil(*scores),
        }

    def attributes(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Return e^1 and e^2, ``(B, a)``, how much of each attribute each sub-net finds in the image.

        Attributes look at regions: α_i,r = softmax_r(v_i W2 f_r), h_i = Σ_r α_i,r f_r, e^1_i = v_i W1 h_i.
        Regions look at attributes: β_i,r = softmax_i(v_i W4 f_r), e^2_i = Σ_r β_i,r v_i W3 f_r.
        """
        network, v = self.attention, self.attention.vectors
        if network.unit_vectors:
            v = v / v.norm(dim=1, keepdim=True)
        alpha = torch.softmax(torch.einsum("iv,vd,brd->bir", v, network.to_attention, f), dim=2)
        h = torch.einsum("bir,brd->bid", alpha, f)
        first = torch.einsum("iv,vd,bid->bi", v, network.to_score, h)
        beta = torch.softmax(torch.einsum("iv,vd,brd->bir", v, network.to_second_attention, f), dim=1)
        found = torch.einsum("iv,vd,brd->bir", v, network.to_second_score, f)
        return first, torch.einsum("bir,bir->bi", beta, found)


def distil_scores(s1: Tensor, s2: Tensor) -> Tensor:
    """E Σ_k w_k |x_k| + E JS(p1, p2), with x = s1 - s2 and w_k = x_k² / ‖x‖.

    JS(p1, p2) = (KL(p1‖m) + KL(p2‖m)) / 2, where m = (p1 + p2) / 2.
    """
    x = s1 - s2
    w = x.square() / torch.linalg.vector_norm(x, dim=1, keepdim=True)
    p1, p2 = torch.softmax(s1, dim=1), torch.softmax(s2, dim=1)
    middle = (p1 + p2) / 2
    js = (kullback_leibler(p1, middle) + kullback_leibler(p2, middle)) / 2
    distance: Tensor = (w * x.abs()).sum(dim=1).mean() + js.mean()
    return distance


def distil_probabilities(s1: Tensor, s2: Tensor) -> Tensor:
    """E [(KL(p1‖p2) + KL(p2‖p1)) / 2 + ‖p1 - p2‖²]."""
    p1, p2 = torch.softmax(s1, dim=1), torch.softmax(s2, dim=1)
    mutual = (kullback_leibler(p1, p2) + kullback_leibler(p2, p1)) / 2
    return (mutual + (p1 - p2).square().sum(dim=1)).mean()


def kullback_leibler(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) = Σ_k p_k log(p_k / q_k) of each row."""
    return (p * torch.log(p / q)).sum(dim=1)


def train(method: PlainMsdn, view: TrainView, batches: Batches) -> None:
    """Train by RMSprop on all losses."""
    p = method.params
    rmsprop = torch.optim.RMSprop(
        method.attention.parameters(), p.lr, weight_decay=p.weight_decay, momentum=p.momentum
    )
    stream = batches("attention")
    rows = episode_rows(len(view.semantics), p.batch_size, p.balanced)
    for _ in range(p.epochs * iterations(view, rows)):
        step(rmsprop, method.attention_loss(next(stream)))
