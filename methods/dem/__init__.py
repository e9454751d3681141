"""DEM (Zhang et al., CVPR 2017): semantics embedded among the features, where the nearest class wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import Adam, Batch, MethodSpec, Phase, Stage, TrainView, hookimpl, log, param
from gzslbench_methods.late import functional, layers, nn, torch
from gzslbench_methods.params import MethodParams

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DemParams(MethodParams):
    """Settings of the published code."""

    epochs: int = param(2700, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate", above=0)
    weight_decay: float = param(
        1e-3, "penalty on half the squared weights and biases", low=0, search=log(1e-6, 1e-1)
    )
    hidden: int = param(1600, "width of the hidden layer", low=1, unit="units")
    neighbour: str = param(
        "euclidean",
        "what the nearest class is nearest by",
        choices=("euclidean", "cosine"),
        omit_default=True,
    )
    variant: str = param(
        "clean",
        "how the layers start: reference, as the published code, from a truncated normal with deviation 0.1"
        " and biases of 0.1; clean, from N(0, 0.02) and zero biases",
        choices=("reference", "clean"),
        omit_default=True,
    )


def embedding_loss(embedded: Tensor, features: Tensor) -> Tensor:
    """Mean squared difference of embedded semantics and features (Zhang et al. 2017, without its penalty).

    Args:
        embedded: ``(B, d)`` what the network makes of the semantics of each row's class.
        features: ``(B, d)``.
    """
    return functional.mse_loss(layers.to_float32(embedded), features)


def published_linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a linear layer as the published code does: a normal with deviation 0.1 cut at 0.2, biases 0.1."""
    layer = layers.uninitialized_linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=0.1, a=-0.2, b=0.2)
    nn.init.constant_(layer.bias, 0.1)
    return layer


class Dem:
    """Two layers with ReLU from the semantics to the features."""

    def __init__(self, view: TrainView, params: DemParams) -> None:
        self.params = params
        self.semantics = view.semantics
        widths = view.semantics.shape[1], params.hidden, view.features.shape[1]
        layer = layers.linear if params.variant == "clean" else published_linear
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
        embedded = layers.embed_per_class(self.embedding, self.semantics, batch.labels)
        return {"distance": embedding_loss(embedded, batch.features)}

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Minus the distance, or the cosine, of ``(n, d)`` features and embedded ``(C, a)`` semantics."""
        embedded: Tensor = self.embedding(semantics)
        if self.params.neighbour == "cosine":
            return functional.normalize(features, dim=1) @ functional.normalize(embedded, dim=1).t()
        return -torch.cdist(features, embedded)


SPEC = MethodSpec(
    name="dem",
    title="DEM",
    paper="Zhang, Xiang, Gong: Learning a Deep Embedding Model for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1611.05088",
    params=DemParams,
    load="gzslbench_methods.dem:Dem",
    plain="gzslbench_methods.dem.plain:PlainDem",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DEM."""
    return [SPEC]
