"""TransZero (Chen et al., AAAI 2022), written plainly.

f_r is a region of an image, v_i the vector of attribute i, z_k,i its value in the semantics z_k of class k.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassTransductiveView, TrainView
from gzslbench_methods.layers import dropout
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.regions import arrange, episode_rows
from gzslbench_methods.transzero import TransZeroParams
from gzslbench_methods.transzero.method import TransZero
from gzslbench_methods.transzero.transformer import ENCODER_DROPOUT, Attention, TwoLayers


class PlainTransZero(TransZero):
    """The networks, stage and scores of ``TransZero``, with the losses written as formulas."""

    def __init__(self, view: ClassTransductiveView, params: TransZeroParams) -> None:
        super().__init__(view, params)
        self.places = relate(*arrange(view.features.shape[1]), params.variant).to(view.semantics)

    def transformer_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_class + λ_cal L_cal + λ_reg L_reg, with the scores s_k = Σ_i z_k,i e_i.

        L_class = -E log p(y), over all classes without the margin (reference) or over the seen ones (clean).
        L_cal = -log E Σ_unseen p(k), with the margin: s_k + m of unseen and s_k - m of seen classes.
        L_reg = E Σ_i (e_i - z_y,i)² / a.
        """
        z, seen, p = self.semantics, len(self.seen_semantics), self.params
        m = torch.full((len(z),), p.margin, device=z.device)
        m[:seen] *= -1
        e = self.attributes(batch)
        s = torch.einsum("ki,bi->bk", z, e)
        log_p = torch.log_softmax(s if p.variant == "reference" else s[:, :seen], dim=1)
        mass = torch.softmax(s + m, dim=1)[:, seen:].sum(dim=1)
        return {
            "class": functional.nll_loss(log_p, batch.labels),
            "calibration": p.calibration * -torch.log(mass.mean()),
            "regression": p.regression * ((e - z[batch.labels]) ** 2).sum(dim=1).mean() / z.shape[1],
        }

    def attributes(self, batch: Batch) -> Tensor:
        """Return e ``(B, a)``, how much of each attribute is in the image: e_i = v_i W o_i.

        o is what the decoder makes of the attributes A v_i and the encoded regions.
        """
        network, v = self.transformer, self.transformer.vectors
        if network.unit_vectors:
            v = v / v.norm(dim=1, keepdim=True)
        regions = self.encode(affine(network.embed_regions, batch.features), batch)
        attributes = affine(network.embed_attributes, v).repeat(len(batch), 1, 1)
        o = self.decode(attributes, regions, batch)
        return torch.einsum("iv,vc,bic->bi", v, network.to_score, o)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """N(x + attend(x, x)), where its place lowers the weight of a region by G, then the two layers.

        In the variant reference, y = N(x + attend(x, x)) is dropped out, and N'(x + y) comes before them.
        """
        encoder, rate = self.transformer.encoder, self.params.dropout
        reference = self.params.variant == "reference"
        g = torch.zeros(())
        if encoder.geometry is not None:
            g = torch.relu(affine(encoder.geometry, self.places)[:, :, 0])
        attention_rate = ENCODER_DROPOUT if reference else rate
        y = normalize(
            encoder.norm, x + dropout(attend(encoder.attention, x, x, g, attention_rate, batch), rate, batch)
        )
        if encoder.second_norm is not None:
            y = normalize(encoder.second_norm, x + dropout(y, rate, batch))
        return two_layers(encoder.layers, y, rate, batch)

    def decode(self, a: Tensor, x: Tensor, batch: Batch) -> Tensor:
        """N(a + attend(a, a)), N(a + attend(a, x)), then the two layers."""
        decoder, rate, zero = self.transformer.decoder, self.params.dropout, torch.zeros(())
        if decoder.self_attention is not None and decoder.self_norm is not None:
            attended = attend(decoder.self_attention, a, a, zero, rate, batch)
            a = normalize(decoder.self_norm, a + dropout(attended, rate, batch))
        attended = attend(decoder.attention, a, x, zero, rate, batch)
        a = normalize(decoder.norm, a + dropout(attended, rate, batch))
        return two_layers(decoder.layers, a, rate, batch)


def affine(layer: nn.Linear, x: Tensor) -> Tensor:
    """W x + b."""
    return x @ layer.weight.t() + (0 if layer.bias is None else layer.bias)


def normalize(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """N(x) = γ (x - mean) / √(variance + ε) + β over the last axis."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return (
        layer.weight * centred / torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + layer.eps) + layer.bias
    )


def attend(layer: Attention, q: Tensor, x: Tensor, g: Tensor, rate: float, batch: Batch) -> Tensor:
    """O softmax(Q q (K x)ᵀ / √c - G) V x, with dropout of the weights that the softmax gives."""
    products = torch.einsum("bic,bjc->bij", affine(layer.query, q), affine(layer.key, x))
    weights = dropout(torch.softmax(products / math.sqrt(q.shape[2]) - g, dim=2), rate, batch)
    return affine(layer.out, torch.einsum("bij,bjc->bic", weights, affine(layer.value, x)))


def two_layers(layers: TwoLayers, x: Tensor, rate: float, batch: Batch) -> Tensor:
    """N(x + W2 ReLU(W1 x + b1) + b2), with dropout behind both layers."""
    hidden = dropout(torch.relu(affine(layers.first, x)), rate, batch)
    return normalize(layers.norm, x + dropout(affine(layers.second, hidden), rate, batch))


def relate(rows: int, columns: int, variant: str) -> Tensor:
    """Return the waves ``(R, R, 64)`` of each pair of regions: sin and cos of 100 · 1000^(-j/8) · δ.

    δ are log max(|x_m - x_n| / w, 10⁻³), log max(|y_m - y_n| / h, 10⁻³), log(w / w) and log(h / h). The size
    of a region is w = 1 / columns and h = 1 / rows; the variant reference adds 1 to each.
    """
    extra = 1 if variant == "reference" else 0
    w, h = 1 / columns + extra, 1 / rows + extra
    centres = [((j + 0.5) / columns, (i + 0.5) / rows) for i in range(rows) for j in range(columns)]
    waves = []
    for x_m, y_m in centres:
        for x_n, y_n in centres:
            delta = [max(abs(x_m - x_n) / w, 1e-3), max(abs(y_m - y_n) / h, 1e-3), 1.0, 1.0]
            angles = [100 * math.log(each) / 1000 ** (j / 8) for each in delta for j in range(8)]
            waves.append([math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles])
    return torch.tensor(waves).reshape(len(centres), len(centres), 64)


def train(method: PlainTransZero, view: TrainView, batches: Batches) -> None:
    """Train by Adam or stochastic gradient descent on all losses."""
    p = method.params
    weights = method.transformer.parameters()
    optimizer: torch.optim.Optimizer
    if p.optimizer == "adam":
        optimizer = torch.optim.Adam(weights, p.lr, weight_decay=p.weight_decay)
    else:
        optimizer = torch.optim.SGD(weights, p.lr, momentum=p.momentum, weight_decay=p.weight_decay)
    stream = batches("transformer")
    rows = episode_rows(len(view.semantics), p.batch_size, p.balanced)
    for _ in range(p.epochs * iterations(view, rows)):
        step(optimizer, method.transformer_loss(next(stream)))
