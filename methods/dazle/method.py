"""DAZLE (Huynh & Elhamifar, CVPR 2020): each attribute looks at its own part of the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassTransductiveView, Phase, Stage, TorchOptimizer
from gzslbench_methods.dazle import DazleParams
from gzslbench_methods.layers import to_float32
from gzslbench_methods.regions import calibration_loss, choose_sampling, margins_of


class AttributeAttention(nn.Module):
    """Scores each attribute in an image, from the regions that it attends to.

    Attributes:
        vectors: ``(a, w)``, v_i of each attribute.
        to_score: ``(w, d)``, W1: v_i W1 f is how much of attribute i is in a region f.
        to_attention: ``(w, d)``, W2: v_i W2 f is how much attribute i attends to a region f.
        to_gate: ``(w, d)``, W3: v_i W3 h is how sure it is that attribute i matters in the image.
    """

    def __init__(self, vectors: Tensor, features: int, *, train_vectors: bool, unit_vectors: bool) -> None:
        super().__init__()
        self.unit_vectors = unit_vectors
        width = vectors.shape[1]
        # Not `vectors` itself: the view's tensor is on the device already, and must not be trained.
        start = functional.normalize(vectors.detach().cpu(), dim=1)
        self.vectors: Tensor
        if train_vectors:
            self.register_parameter("vectors", nn.Parameter(start))
        else:
            self.register_buffer("vectors", start)
        self.to_score = nn.Parameter(torch.randn(width, features))
        self.to_attention = nn.Parameter(torch.zeros(width, features))
        self.to_gate = nn.Parameter(torch.zeros(width, features))

    def forward(self, regions: Tensor) -> Tensor:
        """``(B, R, d)`` regions to ``(B, a)`` gated scores of the attributes.

        v_i W3 h_i, with h_i the mean of the regions by the attention of attribute i, is the same mean of
        v_i W3 f_r. So the three products with the regions are one, and no h_i is made.
        """
        vectors = functional.normalize(self.vectors, dim=1) if self.unit_vectors else self.vectors
        weights = vectors @ torch.cat([self.to_score, self.to_attention, self.to_gate], dim=1)
        stacked = torch.cat(weights.chunk(3, dim=1))
        products = to_float32(regions @ stacked.t())
        scores, attention, gates = products.chunk(3, dim=2)
        attention = attention.softmax(dim=1)
        gate = torch.sigmoid((attention * gates).sum(dim=1))
        gated: Tensor = gate * (attention * scores).sum(dim=1)
        return gated


def classification_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Softmax cross-entropy over all classes, seen and unseen, before the margin is added.

    Args:
        scores: ``(B, C)`` of the seen classes, then of the unseen ones.
        labels: ``(B,)`` seen classes.
    """
    return functional.cross_entropy(scores, labels)


class Dazle:
    """Dense attribute-based attention, trained to classify among all classes."""

    def __init__(self, view: ClassTransductiveView, params: DazleParams) -> None:
        self.params = params
        assert view.attribute_vectors is not None  # the spec asks for them
        self.attention = AttributeAttention(
            view.attribute_vectors,
            view.features.shape[-1],
            train_vectors=params.train_vectors,
            unit_vectors=params.unit_vectors,
        )
        self.seen_semantics = view.semantics
        self.semantics = functional.normalize(torch.cat([view.semantics, view.unseen_semantics]), dim=1)
        self.modules = nn.ModuleDict({"attention": self.attention})

    def stages(self) -> tuple[Stage]:
        """One stage of batches that are drawn afresh, of rows of any classes or of different ones."""
        p = self.params
        optimizer = TorchOptimizer("RMSprop", p.lr, {"momentum": p.momentum, "weight_decay": p.weight_decay})
        phase = Phase("attention", self.attention_loss, updates=("attention",), optimizer=optimizer)
        sampling = choose_sampling(len(self.seen_semantics), p.batch_size, p.balanced)
        return (Stage("attention", p.epochs, p.batch_size, (phase,), sampling=sampling),)

    def attention_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Each row among all classes, and the probability that is left for unseen ones."""
        scores = self.attention(batch.features) @ self.semantics.t()
        seen, p = len(self.seen_semantics), self.params
        return {
            "class": classification_loss(scores, batch.labels),
            "calibration": p.calibration * calibration_loss(scores, seen, p.margin),
        }

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Attribute scores times normalized semantics, with the margin between seen and unseen classes."""
        scores: Tensor = self.attention(features) @ functional.normalize(semantics, dim=1).t()
        return scores + margins_of(semantics, self.seen_semantics, self.params.margin)
