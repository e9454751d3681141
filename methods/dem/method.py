"""DEM (Zhang et al., CVPR 2017): semantics embedded among the features, where the nearest class wins."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, Phase, Stage, TrainView
from gzslbench_methods.dem import DemParams
from gzslbench_methods.layers import linear, to_float32, uninitialized_linear


def embedding_loss(embedded: Tensor, features: Tensor) -> Tensor:
    """Mean squared difference of embedded semantics and features (Zhang et al. 2017, without its penalty).

    Args:
        embedded: ``(B, d)`` what the network makes of the semantics of each row's class.
        features: ``(B, d)``.
    """
    return functional.mse_loss(to_float32(embedded), features)


def published_linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a linear layer as the published code does: a normal with deviation 0.1 cut at 0.2, biases 0.1."""
    layer = uninitialized_linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=0.1, a=-0.2, b=0.2)
    nn.init.constant_(layer.bias, 0.1)
    return layer


class Dem:
    """Two layers with ReLU from the semantics to the features."""

    def __init__(self, view: TrainView, params: DemParams) -> None:
        self.params = params
        self.semantics = view.semantics
        widths = view.semantics.shape[1], params.hidden, view.features.shape[1]
        layer = linear if params.variant == "clean" else published_linear
        self.embedding = nn.Sequential(
            layer(widths[0], widths[1]), nn.ReLU(), layer(widths[1], widths[2]), nn.ReLU()
        )
        self.modules = nn.ModuleDict({"embedding": self.embedding})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows."""
        params = self.params
        adam = Adam(params.lr, weight_decay=params.weight_decay)
        phase = Phase("embedding", self.embedding_loss, updates=("embedding",), optimizer=adam)
        return (Stage("embedding", params.epochs, params.batch_size, (phase,), sampling="pass"),)

    def embedding_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Each row against the embedding of its class's semantics."""
        by_class = self.embedding(self.semantics)
        return {"distance": embedding_loss(by_class.index_select(0, batch.labels), batch.features)}

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Minus the distance, or the cosine, of ``(n, d)`` features and embedded ``(C, a)`` semantics."""
        embedded: Tensor = self.embedding(semantics)
        if self.params.neighbour == "cosine":
            return functional.normalize(features, dim=1) @ functional.normalize(embedded, dim=1).t()
        return -torch.cdist(features, embedded)
