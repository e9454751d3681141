"""LisGAN (Li et al., CVPR 2019): f-CLSWGAN whose fakes must lie near a soul sample of their class."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gzslbench.data.views import TrainView
from gzslbench.training.batch import Batch
from gzslbench_methods.f_clswgan.method import FClswgan
from gzslbench_methods.lisgan.losses import soul_loss
from gzslbench_methods.lisgan.params import LisGanParams
from gzslbench_methods.prototypes import class_prototypes

RANDOM_STATE = 3
"""Of K-means, as published."""


class LisGan(FClswgan):
    """f-CLSWGAN with two more terms in the generator's loss."""

    params: LisGanParams

    def __init__(self, view: TrainView, params: LisGanParams) -> None:
        super().__init__(view, params)
        self.head = replace(self.head, batch_size=params.head_batch_size or 2 * params.syn_num)
        self.souls = class_prototypes(
            view.features, view.labels, len(view.semantics), params.clusters, RANDOM_STATE
        )

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """f-CLSWGAN's terms; every fake, and the mean of some fakes of every class, near a soul sample."""
        params, fake = self.params, self.fakes(batch)
        own = self.souls.index_select(0, batch.labels)
        return {
            **self.fooling_terms(fake, batch),
            "sample_soul": params.sample_weight * soul_loss(fake, own),
            "mean_soul": params.mean_weight * soul_loss(self._means(batch), self.souls),
        }

    def _means(self, batch: Batch) -> Tensor:
        """``(C, d)``: of each seen class the mean of ``mean_of`` fakes."""
        classes, each = len(self.semantics), self.params.mean_of
        labels = torch.arange(classes, device=batch.labels.device).repeat_interleave(each)
        fakes = self.generator(batch.normal(classes * each, self.noise), self.semantics, labels)
        return fakes.unflatten(0, (classes, each)).mean(1)
