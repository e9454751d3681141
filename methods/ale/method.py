"""ALE (Akata et al., TPAMI 2016): a bilinear compatibility trained to rank the own class first."""

from __future__ import annotations

from torch import Tensor

from gzslbench.training.batch import Batch
from gzslbench_methods.ale.losses import position_loss, ranking_loss
from gzslbench_methods.ale.params import AleParams
from gzslbench_methods.bilinear import Bilinear


class Ale(Bilinear):
    """Hinges weighted by the rank of the own class."""

    params: AleParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        loss = ranking_loss if self.params.weights == "rank" else position_loss
        return {"ranking": loss(scores, batch.labels, self.params.margin)}
