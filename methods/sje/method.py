"""SJE (Akata et al., CVPR 2015): a bilinear compatibility trained against the most violating class."""

from __future__ import annotations

from torch import Tensor

from gzslbench.training.batch import Batch
from gzslbench_methods.bilinear import Bilinear
from gzslbench_methods.sje.losses import structured_loss
from gzslbench_methods.sje.params import SjeParams


class Sje(Bilinear):
    """The hinge of the most violating class alone."""

    params: SjeParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The structured hinges of the batch's rows."""
        images = self.compatibility.project(batch.features)
        params = self.params
        return {
            "structured": structured_loss(images, self.semantics, batch.labels, params.margin, params.search)
        }
