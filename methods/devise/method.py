"""DeViSE (Frome et al., NIPS 2013): a bilinear compatibility trained by plain hinges."""

from __future__ import annotations

from torch import Tensor

from gzslbench.training.batch import Batch
from gzslbench_methods.bilinear import Bilinear
from gzslbench_methods.devise.losses import rank_loss
from gzslbench_methods.devise.params import DeviseParams


class Devise(Bilinear):
    """Hinges of the other classes, each with the same weight."""

    params: DeviseParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        return {"rank": rank_loss(scores, batch.labels, self.params.margin, self.params.terms)}
