"""TransZero (Chen et al., AAAI 2022): attributes read the regions of an image through a transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassTransductiveView, Phase, Sgd, Stage
from gzslbench_methods.layers import to_float32
from gzslbench_methods.regions import calibration_loss, choose_sampling, margins_of, scale_semantics
from gzslbench_methods.transzero import TransZeroParams
from gzslbench_methods.transzero.transformer import AttributeTransformer


class TransZero:
    """An attribute-guided transformer, trained to classify among all classes and to find the semantics."""

    def __init__(self, view: ClassTransductiveView, params: TransZeroParams) -> None:
        self.params = params
        assert view.attribute_vectors is not None  # the spec asks for them
        self.transformer = AttributeTransformer(
            view.attribute_vectors, view.features.shape[1], view.features.shape[2], params
        )
        self.seen_semantics = view.semantics
        self.semantics = scale_semantics(
            torch.cat([view.semantics, view.unseen_semantics]), params.nonnegative
        )
        self.modules = nn.ModuleDict({"transformer": self.transformer})

    def stages(self) -> tuple[Stage]:
        """One stage of batches that are drawn afresh, of rows of any classes or of different ones."""
        p = self.params
        adam, sgd = Adam(p.lr, weight_decay=p.weight_decay), Sgd(p.lr, p.momentum, p.weight_decay)
        optimizer = adam if p.optimizer == "adam" else sgd
        phase = Phase("transformer", self.transformer_loss, updates=("transformer",), optimizer=optimizer)
        sampling = choose_sampling(len(self.seen_semantics), p.batch_size, p.balanced)
        return (Stage("transformer", p.epochs, p.batch_size, (phase,), sampling=sampling),)

    def transformer_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Each row among the classes, what is left for unseen ones, and the distance to the semantics."""
        p, seen = self.params, len(self.seen_semantics)
        found = self.transformer(batch.features, batch)
        scores = to_float32(found @ self.semantics.t())
        classes = len(self.semantics) if p.variant == "reference" else seen
        return {
            "class": functional.cross_entropy(scores[:, :classes], batch.labels),
            "calibration": p.calibration * calibration_loss(scores, seen, p.margin),
            "regression": p.regression
            * functional.mse_loss(found, self.semantics.index_select(0, batch.labels)),
        }

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Attribute scores times scaled semantics, with the margin between seen and unseen classes."""
        found: Tensor = self.transformer(features)
        scores = found @ scale_semantics(semantics, self.params.nonnegative).t()
        return scores + margins_of(semantics, self.seen_semantics, self.params.margin)
