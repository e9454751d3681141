"""CNZSL (Skorokhodov & Elhoseiny, ICLR 2021): prototypes from semantics, with class normalization."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench.data.views import TrainView
from gzslbench.plugins.method import Adam, Phase, Stage
from gzslbench.training.batch import Batch
from gzslbench_methods.cnzsl.losses import class_loss, scaled_cosines
from gzslbench_methods.cnzsl.model import PrototypeNetwork
from gzslbench_methods.cnzsl.params import CnzslParams


class Cnzsl:
    """A network from semantics to prototypes, trained to classify the seen classes' features by cosine."""

    def __init__(self, view: TrainView, params: CnzslParams) -> None:
        self.params = params
        self.semantics = view.semantics
        self.prototypes = PrototypeNetwork(
            view.semantics.shape[1], params.hidden, view.features.shape[1], params.normalization
        )
        self.modules = nn.ModuleDict({"prototypes": self.prototypes})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows."""
        params = self.params
        adam = Adam(params.lr, weight_decay=params.weight_decay)
        phase = Phase("prototypes", self.prototype_loss, updates=("prototypes",), optimizer=adam)
        return (
            Stage("prototypes", params.epochs, params.batch_size, (phase,), self._decay, sampling="pass"),
        )

    def prototype_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Each row among the prototypes of all seen classes."""
        prototypes = self.prototypes(self.semantics)
        return {"class": class_loss(batch.features, prototypes, batch.labels, self.params.scale)}

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Scaled cosines; those of classes with the semantics of a seen one times ``seen_factor``."""
        scores = scaled_cosines(features, self.prototypes(semantics), self.params.scale)
        seen = (semantics[:, None] == self.semantics).all(-1).any(1)
        return scores * torch.where(seen, self.params.seen_factor, 1.0)

    def _decay(self, epoch: int) -> float:
        return self.params.lr_decay_rate ** (epoch // self.params.lr_decay_epoch)
